# The dashboard's page: its types, its components, its size, and all of it in a real Chromium.
find_program(HYPERTUNE_CHROMIUM chromium)

# A command that is run in web/; without Node, or without the page that the build makes, it is skipped.
function(hypertune_web_test name)
  cmake_parse_arguments(ARG "" "" "COMMAND;ENVIRONMENT" ${ARGN})
  if(NOT HYPERTUNE_NODE OR NOT HYPERTUNE_NPM)
    add_test(NAME web.${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: Node with npm was not found")
    set_tests_properties(web.${name} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
    return()
  endif()
  add_test(NAME web.${name}
    COMMAND ${HYPERTUNE_NODE} ${PROJECT_SOURCE_DIR}/web/e2e/run.mjs ${ARG_COMMAND})
  # One at a time: they write the same types, and each fills two cores.
  set_tests_properties(web.${name} PROPERTIES
    TIMEOUT 300 SKIP_RETURN_CODE 77 RESOURCE_LOCK web
    ENVIRONMENT "HYPERTUNE_PAGE_BUILT=${PROJECT_BINARY_DIR}/page/built;${ARG_ENVIRONMENT}")
endfunction()

foreach(script check test size)
  hypertune_web_test(${script} COMMAND ${HYPERTUNE_NPM} run --silent ${script}
    ENVIRONMENT HYPERTUNE_PAGE_OUT=${PROJECT_BINARY_DIR}/page/dist)
endforeach()

# Makes the study of 100,000 trials.
if(NOT HYPERTUNE_BENCH)
  add_executable(make_study ${PROJECT_SOURCE_DIR}/bench/dashboard/make_study.cpp)
  target_link_libraries(make_study PRIVATE hypertune_serve hypertune_storage fmt::fmt)
endif()
foreach(area live view stores access large)
  hypertune_web_test(${area}_in_chromium
    COMMAND ${HYPERTUNE_NODE} node_modules/vitest/vitest.mjs run --config e2e/vitest.config.ts ${area}
    ENVIRONMENT
      "HYPERTUNE_PROGRAM=$<TARGET_FILE:hypertune_cli>"
      "HYPERTUNE_MAKE_STUDY=$<TARGET_FILE:make_study>"
      "HYPERTUNE_CHROMIUM=${HYPERTUNE_CHROMIUM}"
      "HYPERTUNE_OPTUNA_PYTHON=${HYPERTUNE_OPTUNA_PYTHON}")
endforeach()
