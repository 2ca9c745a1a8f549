"""GPU kernels without a GPU: what a compiler says of CUDA, what an interpreter computes of Triton."""
