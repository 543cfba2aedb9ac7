// A mark for functions that are compiled once for each width of vectors.
#pragma once

/// The widest version that the processor has is taken when the program is loaded. Wider vectors
/// change no result: these instruction sets have no fused operations, and without -ffast-math
/// compilers keep the order of sums. The widest ones have fused operations: files that ask for them
/// are compiled with -ffp-contract=off. Sanitizers run too late for what chooses the version.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HT_VECTOR_CLONES [[gnu::target_clones("avx2", "default")]]
#define HT_WIDEST_VECTOR_CLONES [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define HT_VECTOR_CLONES
#define HT_WIDEST_VECTOR_CLONES
#endif
