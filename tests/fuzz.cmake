# Hostile input: each target replays its corpus as a test. With HYPERTUNE_FUZZ it is also a program
# that goes on from there: `database_fuzz 1000000 1 tests/fuzz/corpus/database`.
option(HYPERTUNE_FUZZ "Build the fuzz targets" OFF)

function(hypertune_fuzz_target name suite)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  hypertune_test(${name}_replay_test
    SOURCES fuzz/${name}_fuzz.cpp fuzz/replay_test.cpp
    DEPENDS ${ARG_DEPENDS})
  target_compile_definitions(${name}_replay_test PRIVATE
    HYPERTUNE_FUZZ_CORPUS="${name}" HYPERTUNE_FUZZ_SUITE=${suite})
  if(HYPERTUNE_FUZZ)
    add_executable(${name}_fuzz fuzz/${name}_fuzz.cpp fuzz/driver.cpp)
    target_link_libraries(${name}_fuzz PRIVATE ${ARG_DEPENDS})
  endif()
endfunction()

hypertune_fuzz_target(study_file StudyFileFuzz DEPENDS hypertune_config)
hypertune_fuzz_target(report_line ReportLineFuzz DEPENDS hypertune_exec)
hypertune_fuzz_target(study_lines StudyLinesFuzz DEPENDS hypertune_report hypertune_storage)
hypertune_fuzz_target(study_csv StudyCsvFuzz DEPENDS hypertune_report hypertune_storage)
hypertune_fuzz_target(database DatabaseFuzz
  DEPENDS hypertune_report hypertune_storage SQLite::SQLite3)
hypertune_fuzz_target(http_request HttpRequestFuzz DEPENDS hypertune_serve hypertune_storage)
