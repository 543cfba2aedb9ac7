# Tests of the stores, among them those against a real Optuna.
hypertune_test(storage_contract_test POSTGRES
  SOURCES contract/storage_contract_test.cpp
  DEPENDS hypertune_storage)
hypertune_test(sqlite_test
  SOURCES integration/sqlite_faults_test.cpp integration/sqlite_processes_test.cpp
          support/child_process.cpp
  DEPENDS hypertune_storage)
if(HYPERTUNE_HAS_POSTGRES)
  hypertune_test(postgres_test POSTGRES
    SOURCES integration/postgres_test.cpp support/child_process.cpp
    DEPENDS hypertune_storage)
endif()
hypertune_test(storage_url_test
  SOURCES unit/storage_url_test.cpp
  DEPENDS hypertune_storage)
hypertune_test(sqlite_property_test
  SOURCES property/sqlite_property_test.cpp
  DEPENDS hypertune_storage rapidcheck)

# Files both ways between hypertune and a real Optuna: Debian's, and a current one where there is a
# virtual environment with it. A Python without Optuna counts as skipped.
add_executable(storage_tool ${PROJECT_SOURCE_DIR}/tests/interop/storage_tool.cpp)
target_include_directories(storage_tool PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(storage_tool PRIVATE hypertune_storage)
set(HYPERTUNE_OPTUNA_PYTHON ${PROJECT_SOURCE_DIR}/.venv/bin/python
    CACHE FILEPATH "Python with a current Optuna, for the tests of its files")
function(hypertune_optuna_test name python script)
  add_test(NAME ${name}
    COMMAND sh -c "test -x \"$1\" || { echo \"skipped: there is no $1\"; exit 77; }; exec \"$@\""
      sh ${python} ${PROJECT_SOURCE_DIR}/tests/interop/${script}.py
      $<TARGET_FILE:storage_tool>)
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
endfunction()
hypertune_optuna_test(OptunaInterop.SystemOptuna /usr/bin/python3 optuna_roundtrip)
hypertune_optuna_test(OptunaInterop.CurrentOptuna ${HYPERTUNE_OPTUNA_PYTHON} optuna_roundtrip)
hypertune_optuna_test(OptunaInterop.BothAtOnce ${HYPERTUNE_OPTUNA_PYTHON} optuna_live)
