# find_package(hypertune) gives hypertune::hypertune; component `trainer`, hypertune::trainer.
include(${CMAKE_CURRENT_LIST_DIR}/hypertune-hypertune.cmake)

foreach(component IN LISTS hypertune_FIND_COMPONENTS)
  set(hypertune_${component}_FOUND FALSE)
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/hypertune-${component}.cmake)
    include(${CMAKE_CURRENT_LIST_DIR}/hypertune-${component}.cmake)
    set(hypertune_${component}_FOUND TRUE)
  elseif(hypertune_FIND_REQUIRED_${component})
    set(hypertune_FOUND FALSE)
    set(hypertune_NOT_FOUND_MESSAGE "hypertune was installed without its component ${component}")
  endif()
endforeach()
