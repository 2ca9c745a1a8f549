"""Names that goals use for number types, processors, languages, metrics and rivals, with one canonical name each."""

from __future__ import annotations

_FLOATS = r"(?:\s+(?:floats?|floating[\s-]point|precision))?"

DTYPES: tuple[tuple[str, str], ...] = (
    (r"\b(?:quad(?:ruple)?[\s-]precision|float128|fp128|long\s+doubles?|128[\s-]?bit\s+floats?)\b", "float128"),
    (r"\bcomplex(?:64|128|\s+(?:numbers?|vectors?|floats?|doubles?|values?|arithmetic))?\b", "complex"),
    (r"\b(?:bf16|bfloat16|bfloat|brain\s+floats?)\b", "bfloat16"),
    (r"\b(?:uint8|unsigned\s+8[\s-]?bit|bytes?\s+values?)\b", "uint8"),
    (r"\b(?:int4|4[\s-]?bit(?:\s+integers?)?)\b", "int4"),
    (r"\b(?:int8|8[\s-]?bit(?:\s+integers?)?)\b", "int8"),
    (r"\b(?:int16|16[\s-]?bit\s+integers?)\b", "int16"),
    (r"\b(?:int32|32[\s-]?bit\s+integers?)\b", "int32"),
    (r"\b(?:int64|64[\s-]?bit\s+integers?)\b", "int64"),
    (r"\b(?:u?int\d+|(?:big\s*)?integers?|ints)\b", "integer"),
    (r"\b(?:float64|fp64|f64|doubles?(?:[\s-]precision)?|64[\s-]?bit" + _FLOATS + r")\b", "float64"),
    (r"\b(?:float16|fp16|f16|halfs|half[\s-](?:precision|floats?)|16[\s-]?bit" + _FLOATS + r")\b", "float16"),
    (r"\b(?:fp8|float8|e4m3|e5m2|8[\s-]?bit\s+floats?)\b", "float8"),
    (r"\b(?:fp4|float4|nvfp4|mxfp4)\b", "float4"),
    (r"\b(?:mixed[\s-]precision|tf32)\b", "mixed precision"),
    (r"\b(?:float32|fp32|f32|single[\s-]precision|32[\s-]?bit" + _FLOATS + r")\b", "float32"),
)  # fmt: skip

BLAS_PREFIXES: tuple[tuple[str, str], ...] = (
    (r"\bd(?:axpy|axpby|gemm|gemv|ger|dot|scal|nrm2|asum|copy|swap|trsm|syrk)\b", "float64"),
    (r"\b[cz](?:axpy|axpby|gemm|gemv|ger[cu]?|dot[cu]?|scal|nrm2|copy|swap|trsm|herk|syrk)\b", "complex"),
)
"""Number types inside the names of BLAS routines; the names themselves are left for retrieval."""

PROCESSORS: tuple[tuple[str, str], ...] = (
    (r"\b(?:nvidia\s+)?(?:gpus?|cuda|[ahblv]\d{2,3}0?|gb200|rtx\s*\d*|geforce|radeon|rocm|hip|mi\d{3}x?|nvidia|graphics\s+cards?|metal|"
     r"tensor\s+cores?|cudnn|triton|hopper|blackwell)\b", "gpu"),
    (r"\b(?:tpus?|tpu\s*v\d\w?)\b", "tpu"),
    (r"\b(?:npus?|neural\s+engines?|trainium|inferentia|gaudi\d?)\b", "npu"),
    (r"\b(?:fpgas?|asics?|xilinx|versal)\b", "fpga"),
    (r"\b(?:wasm|webassembly|web\s?gpu|browsers?)\b", "browser"),
    (r"\b(?:risc[\s-]?v|rvv)\b", "riscv"),
    (r"\b(?:arm(?:v\d|64)?|aarch64|neoverse|graviton\d?|apple\s+(?:silicon|m\d)|m[1-5]\s+(?:mac|chip|pro|max|ultra)|raspberry(?:\s+pi)?|"
     r"cortex[\s-]?\w*|sve2?|neon)\b", "arm"),
    (r"\b(?:powerpc|power\d{1,2}|ppc64(?:le)?|s390x|mainframes?)\b", "power"),
    (r"\b(?:x86(?:[_-]64)?|amd64|xeons?|epyc|ryzen|avx[\s-]?\d*\w*|sse\d?|zen\s?\d|intel)\b", "x86"),
    (r"\b(?:cpus?|host\s+processor)\b", "cpu"),
)  # fmt: skip
"""More special names first: what a rule has read, the next no longer sees."""

_IN = (
    r"\b(?:written\s+in|coded\s+in|in|as|using|use|port(?:ed)?\s+to)\s+"
    r"(?:plain\s+|pure\s+|portable\s+|an?\s+|modern\s+)?"
)
_CODE = r"\s+(?:kernels?|code|implementations?|programs?|sources?|modules?|functions?|routines?|versions?)\b"


def _language(name: str) -> str:
    return rf"{_IN}{name}(?![\w+#])|(?<!\w){name}{_CODE}"


LANGUAGES: tuple[tuple[str, str], ...] = (
    (_language(r"c\+\+(?:\d\d)?"), "cpp"),
    (_language(r"(?:ansi\s+)?c(?:99|11|17|23)?"), "c"),
    (_language("rust"), "rust"),
    (_language("fortran"), "fortran"),
    (_language("(?:python|numba|cython|numpy|pytorch|torch|jax)"), "python"),
    (_language("(?:assembly|assembler|asm)"), "assembly"),
    (_language("(?:system)?verilog"), "verilog"),
    (_language("vhdl"), "vhdl"),
    (_language("(?:opencl|sycl|cuda)"), "opencl"),
    (
        _language("(?:java(?:script)?|julia|go|golang|zig|mojo|halide|ispc|haskell|swift|kotlin|matlab|typescript|c#)"),
        "other",
    ),
)

METRICS: tuple[tuple[str, str], ...] = (
    (r"\b(?:energy(?:[\s-]+(?:use|usage|efficien\w+|consumption))?|joules?|watts?|power(?:[\s-]+(?:draw|use|usage|efficien\w+|consumption))|"
     r"low(?:er|est)?[\s-]+power|battery(?:\s+life)?|carbon|greener)\b", "energy"),
    (r"\b(?:code[\s-]+size|binary[\s-]+size|(?:small|short|tini)(?:er|est)\s+(?:code|binary|source|program|object\s+file|instructions?)|"
     r"lines\s+of\s+code|(?:fewer|less)\s+(?:lines|instructions)|bytes\s+of\s+code|code\s+golf)\b", "code size"),
    (r"\b(?:(?:less|lower|lowest|smaller|least|reduce[ds]?|peak|minimal)\s+(?:memory|ram)(?!\s+(?:bandwidth|traffic))(?:[\s-]+(?:use|usage|footprint|consumption))?|"
     r"memory[\s-]+(?:use|usage|footprint|consumption))\b", "memory"),
    (r"\b(?:(?:chip|die|silicon|cell)?\s*area(?!\s*(?:times|x|×|\*|·|-)\s*(?:the\s+)?delay)|um2|µm2|gate\s+counts?|luts?|transistors?)\b(?=.*\b(?:chip|gate|lut|um2|silicon|mm2|cell|"
     r"alu|adder|multiplier|less|small\w*|min\w*|reduc\w*)\b)", "area"),
    (r"\b(?:more|most|better|higher|improved?|increase[ds]?|maximi[sz]e)\s+(?:accura(?:te|cy)|preci(?:se|sion)|numerical\s+accuracy)\b|"
     r"\b(?:smaller|lower|less|reduced?)\s+(?:numerical\s+|rounding\s+|relative\s+)*errors?\b", "accuracy"),
    (r"\b(?:readab\w+|maintainab\w+|simpler\s+code|cleaner)\b", "readability"),
    (r"\b(?:compile[\s-]+times?|build\s+times?|compilation\s+speed)\b", "compile time"),
    (r"\b(?:cheap(?:er|est)|cloud\s+(?:cost|bill)s?)\b", "money"),
    (r"\b(?:fast(?:er|est)?|speed(?:s|ups?|ing|ed)?|speed-ups?|quick(?:er|est|ly)?|accelerat(?!ors?\b)\w+|slow(?:er)?|latency|throughput|"
     r"rapid\w*|bandwidths?|gflops|gb/s|cpu\s+time|run[\s-]?times?|performan\w+|optimi[sz]\w+|beats?)\b", "speed"),
)  # fmt: skip

_OVER = r"(?:faster\s+than|quicker\s+than|than|beats?|outperforms?|overtake|versus|vs\.?|against|over)\s+(?:the\s+)?"

RIVALS: tuple[tuple[str, str], ...] = (
    (_OVER + r"(?:py)?torch(?:'s)?\b|\bpytorch\b", "torch"),
    (_OVER + r"numpy(?:'s)?\b", "numpy"),
    (_OVER + r"(?:intel\s+)?(?:mkl|onemkl|openblas|blas|blis|onednn|scipy|jax|eigen|tensorflow|oneapi|"
     r"onnx\w*)(?:'s)?\b", "library"),
    (_OVER + r"(?:gcc|clang|icc|fast-math|-o3|c\s+compiler)\b", "compiler"),
)  # fmt: skip
"""Only where the goal compares: "faster than torch" names an opponent, "in torch" a language."""
