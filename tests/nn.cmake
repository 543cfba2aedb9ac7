# The engine against LibTorch in double precision.
hypertune_torch_test(nn_torch_test
  SOURCES property/nn_torch_convolution_test.cpp property/nn_torch_optimizer_test.cpp
          property/nn_torch_test.cpp support/torch_reference.cpp
  DEPENDS hypertune_nn rapidcheck fmt::fmt
  TIMEOUT 400)

# Precision bf16, also on tiles that are emulated.
hypertune_test(nn_bf16_test
  SOURCES unit/nn_bf16_test.cpp unit/nn_bf16_network_test.cpp
  DEPENDS hypertune_nn fmt::fmt)

# The inner loops, for each instruction set.
hypertune_test(nn_product_test
  SOURCES unit/nn_isa_test.cpp unit/nn_product_test.cpp unit/nn_tile_transform_test.cpp
  DEPENDS hypertune_nn)

# Networks: what they promise, and their gradients against finite differences.
hypertune_test(nn_network_test
  SOURCES unit/nn_convolution_test.cpp unit/nn_network_test.cpp property/nn_gradient_test.cpp
          support/random_network.cpp
  DEPENDS hypertune_nn rapidcheck fmt::fmt)

# What follows a convolution, and what follows the gradients.
hypertune_test(nn_epilogue_test
  SOURCES unit/nn_epilogue_test.cpp unit/nn_math_test.cpp
  DEPENDS hypertune_nn)
hypertune_test(nn_optimizer_test
  SOURCES unit/nn_optimizer_test.cpp unit/nn_schedule_test.cpp
  DEPENDS hypertune_nn)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_test(NAME Kernels.OfferTheLinkerNoFunctionsForOthers
    COMMAND ${PROJECT_SOURCE_DIR}/tests/packaging/kernel_symbols_test.sh ${CMAKE_NM}
      $<TARGET_FILE:hypertune_nn>)
endif()
