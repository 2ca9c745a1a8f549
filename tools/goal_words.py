"""Word lists for reading goals: words that name no subject, and words that change what is computed."""

from __future__ import annotations

COMMON_WORDS = """
a able about above accelerate accelerated acceleration achieve across actual actually after again aim algorithm
aligned all allow allowed along already also always am amd amount an and another any anything application arbitrary
are area around array as ask at available away bad bandwidth bandwidths bare baseline baselines basic be beat beaten
beats because become been before being best better between big bigger blas blazing blazingly body boring both
bottleneck bound box budget buffer build but by c cache call called can candidate card case change chip choose clang
clever clock code come compare compared compile compiled compiler computation compute computes computing consider
constant contiguous core cores correct correctly cost cpu current currently cut cycle cycles data dear dense desktop
develop did discover do does doing dollar dollars done down dumb each easy effective efficient efficiently element
elements else end engine enough entire entries entry evaluate evaluation even ever every exact example execute
executes execution existing expect explore fair far fast faster fastest favourite feel few figure file fill final find
fine finish first fit fix float floating floats follow for forge fp from full function functions further gain gains
gcc general generate generic get gets getting give given gives go goal good got great guess had half handle
handwritten hard hardware has have having head help here high highest host hot hour hours how however i idea ideally
if implement implementation implementations implemented important improve improved improvement in input inputs inside
instance instead intel intensive into intrinsics is issue it its job just keep kernel kernels key kind know known
laptop large larger latency latest least length less let letting level lightning like likely limit limited line little
local locally long longer look looking loop loops lot lots love low lower machine made main make makes making many max
maximum maybe me mean measure measured memory method might minimise minimize minimum minute minutes mkl modern money
more morning most move much must my naive name native near need needed needs never new next nice night no node not
nothing now number numbers numeric numerical numerically numpy obvious of off offline often okay old on once one
onednn ones only openblas operation operations operator opposed optimal optimisation optimise optimised optimization
optimize optimized optimizer optimum option or order ordinary other our out output outputs over overnight own pace
part parts pass passes per perform performance performant performs perhaps period piece pieces place plain please
plenty point pointer possible possibly present problem problems process processor produce production profile program
programs project proper properly push put pytorch question quick quicker quickest quickly quite race raise random
rapid rapidly rate rather raw re reach read real really reasonable reduce reduced reference rely repeat replace
require required result results right room routine routines row rows run running runs runtime safe same say scalar
scipy screaming search second seconds see seem server set several shall short shorter should show shrink simd simple
since single size sized sizes slow slower slowest small so some someone something soon sort space speed speeding
speeds speedup speedups spend squeeze stable standard start state still stock stop stuff such super sure system take
taken takes target task team tell ten tensor test than thank thanks that the their them then there these they thing
things think this those though thread threaded threads through throughput throughputs till time times tiny to today
together tomorrow too tool top torch total trick tricks try tune tuned tuning turn twice two type ultra under until up
us usd use used user uses using usual value values variant variants vec vector vectorise vectorised vectorization
vectorize vectorized vectors version versions very via wait want wanted wants was way ways we well were what whatever
when where which while whole why will win wish with within without word work workload works workstation world would
write written x86 year yes yet you your
""".split()  # noqa: SIM905
"""Words of any goal. They neither find a task nor speak against one."""

QUALIFIERS = """
adjoint attention backprop backward backwards banded batch batched batches bidirectional block causal column columns
compensated complex conv convolution cumulative derivative differentiable distributed encrypted fused fusion gradient
gradients gumbel hierarchical incremental integer inverse jacobian log logarithmic masked matrices matrix mixed
multidimensional nested odd onnx pairwise parallel polynomial pooled quantised quantized ragged recursive reverse
sampled sampling scatter segmented sorted sparse strided strides symbolic symmetric temperature transpose transposed
triangular unordered variable weighted
""".split()  # noqa: SIM905
"""Words that change what is computed: one that a task does not know is asked about, wherever it stands."""
