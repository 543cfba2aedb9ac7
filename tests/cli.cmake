# The program: commands and display as units, the rest from outside, by scripts that drive the built program.
hypertune_test(cli_test
  SOURCES unit/cli_commands_test.cpp unit/cli_display_test.cpp unit/cli_follow_test.cpp
          unit/cli_provenance_test.cpp unit/cli_secrets_test.cpp
  DEPENDS hypertune_commands)

# Each method of each script is a test of its own. Exit code 77: skipped, and the output says why.
find_program(HYPERTUNE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT HYPERTUNE_PYTHON)
  find_program(HYPERTUNE_PYTHON python3 REQUIRED)
endif()
foreach(script ask_tell command crash isolation exchange guides usage bad_input run pausing ending importance show serve terminal streams instructions worker store slurm ray serve_api)
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${script}_test.py)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(STRINGS ${file} lines REGEX "^class .*ProgramTest|^    def test_")
  # Ray listens beyond loopback: it gets a network of its own.
  set(room)
  if(script STREQUAL "ray")
    set(room ${CMAKE_CURRENT_SOURCE_DIR}/support/isolated.sh)
  endif()
  foreach(line ${lines})
    if(line MATCHES "^class ([A-Za-z]+)")
      set(class ${CMAKE_MATCH_1})
    elseif(line MATCHES "def (test_[a-z0-9_]+)")
      add_test(NAME e2e.${class}.${CMAKE_MATCH_1}
        COMMAND ${room} ${HYPERTUNE_PYTHON} ${file} ${class}.${CMAKE_MATCH_1})
      set_tests_properties(e2e.${class}.${CMAKE_MATCH_1} PROPERTIES
        TIMEOUT 120 SKIP_RETURN_CODE 77
        ENVIRONMENT "HYPERTUNE_PROGRAM=$<TARGET_FILE:hypertune_cli>;PYTHONDONTWRITEBYTECODE=1")
    endif()
  endforeach()
endforeach()
