# LibTorch, which is optional: the trainer's second backend, and the oracle of its tests.
set(HYPERTUNE_TORCH AUTO CACHE STRING "Build the LibTorch backend: AUTO (when it is found), ON, OFF")
set_property(CACHE HYPERTUNE_TORCH PROPERTY STRINGS AUTO ON OFF)

if(HYPERTUNE_TORCH STREQUAL "AUTO")
  find_package(Torch QUIET)
elseif(HYPERTUNE_TORCH)
  find_package(Torch REQUIRED)
endif()
if(TARGET torch)
  message(STATUS "LibTorch backend: built")
else()
  message(STATUS "LibTorch backend: left out (HYPERTUNE_TORCH=${HYPERTUNE_TORCH})")
endif()
