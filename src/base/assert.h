// HT_ASSERT: checks for programming mistakes, in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

/// Aborts when `condition` is false. For mistakes of the programmer, never for bad input.
#define HT_ASSERT(condition)                                                                 \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
