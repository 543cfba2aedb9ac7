# The source tree's own rules, the documentation, what is installed, and the examples.
hypertune_test(layering_test
  SOURCES unit/layering_test.cpp support/source_rules.cpp support/source_tree.cpp)

add_test(NAME Format.EveryFileIsFormatted
  COMMAND ${PROJECT_SOURCE_DIR}/scripts/format.sh --check)
set_tests_properties(Format.EveryFileIsFormatted PROPERTIES SKIP_RETURN_CODE 77)

add_test(NAME Setup.InstallsWhatIsMissingAndNothingElse
  COMMAND ${PROJECT_SOURCE_DIR}/tests/packaging/setup_test.sh ${PROJECT_SOURCE_DIR}
    ${PROJECT_BINARY_DIR}/setup_test)

hypertune_test(documentation_test
  SOURCES unit/documentation_test.cpp support/markdown.cpp support/source_tree.cpp
  DEPENDS hypertune_base)
target_compile_definitions(documentation_test
  PRIVATE HYPERTUNE_PROGRAM="$<TARGET_FILE:hypertune_cli>")
add_dependencies(documentation_test hypertune_cli)

set(packaging_flags "")
if(HYPERTUNE_SANITIZE)
  set(packaging_flags "-fsanitize=address,undefined")
endif()
add_test(NAME Packaging.AnInstalledTreeWorksWhereverItIsMoved
  COMMAND ${PROJECT_SOURCE_DIR}/tests/packaging/install_test.sh ${PROJECT_BINARY_DIR}
    ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/packaging ${CMAKE_CXX_COMPILER}
    ${packaging_flags})
set_tests_properties(Packaging.AnInstalledTreeWorksWhereverItIsMoved PROPERTIES TIMEOUT 300)

add_subdirectory(${PROJECT_SOURCE_DIR}/examples ${PROJECT_BINARY_DIR}/examples)
set(example_runs ${PROJECT_BINARY_DIR}/examples/runs)
add_test(NAME Examples.QuadraticFindsTheMinimum COMMAND example_quadratic)
set_tests_properties(Examples.QuadraticFindsTheMinimum PROPERTIES
  PASS_REGULAR_EXPRESSION "best: x=(1\\.[89]|2\\.[01])")
add_test(NAME Examples.ResultsOfEarlierRunsAreRemoved
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${example_runs})
set_tests_properties(Examples.ResultsOfEarlierRunsAreRemoved PROPERTIES FIXTURES_SETUP no_runs)
add_test(NAME Examples.TuneFunctionJudgesItsClaim
  COMMAND example_tune_function ${example_runs}/descent)
set_tests_properties(Examples.TuneFunctionJudgesItsClaim PROPERTIES
  FIXTURES_REQUIRED no_runs FIXTURES_SETUP descent
  PASS_REGULAR_EXPRESSION "supported: Most runs diverge")
add_test(NAME Examples.TuneFunctionRunAgainHasTheSameResult
  COMMAND example_tune_function ${example_runs}/descent)
set_tests_properties(Examples.TuneFunctionRunAgainHasTheSameResult PROPERTIES
  FIXTURES_REQUIRED descent PASS_REGULAR_EXPRESSION "supported: Most runs diverge")
add_test(NAME Examples.BatchnormStudyWritesItsReport
  COMMAND example_batchnorm_study ${example_runs}/batchnorm 2 1 200 fashion-mnist)
set_tests_properties(Examples.BatchnormStudyWritesItsReport PROPERTIES
  FIXTURES_REQUIRED no_runs PASS_REGULAR_EXPRESSION "report: .*report\\.html")
