# Study files: meaning, faults, reference page, properties, fuzzing.
option(HYPERTUNE_FUZZ "Build the fuzz targets (clang)" OFF)

hypertune_test(config_test
  SOURCES unit/config_algorithm_test.cpp unit/config_scheduler_test.cpp
          unit/config_study_file_test.cpp
          unit/config_ending_test.cpp unit/config_faults_test.cpp unit/config_reference_test.cpp unit/config_sampler_test.cpp
          property/study_file_property_test.cpp
          fuzz/study_file_fuzz.cpp fuzz/study_file_replay_test.cpp
          support/markdown.cpp support/source_tree.cpp
  DEPENDS hypertune_config rapidcheck)
hypertune_test(reproducible_test
  SOURCES integration/handover_test.cpp integration/reproducible_test.cpp
  DEPENDS hypertune_config hypertune_storage)

# Run as: study_file_fuzz FOLDER_FOR_FINDS tests/fuzz/corpus/study_file
if(HYPERTUNE_FUZZ)
  target_compile_options(hypertune_config PRIVATE -fsanitize=fuzzer-no-link)
  add_executable(study_file_fuzz fuzz/study_file_fuzz.cpp)
  target_link_libraries(study_file_fuzz PRIVATE hypertune_config -fsanitize=fuzzer)
endif()
