# Study files: meaning, faults, reference page, properties, fuzzing.
hypertune_test(config_test
  SOURCES unit/config_algorithm_test.cpp unit/config_command_test.cpp unit/config_scheduler_test.cpp
          unit/config_study_file_test.cpp
          unit/config_ending_test.cpp unit/config_faults_test.cpp unit/config_launcher_test.cpp unit/config_reference_test.cpp unit/config_sampler_test.cpp
          property/study_file_property_test.cpp
          support/markdown.cpp support/source_tree.cpp
  DEPENDS hypertune_config rapidcheck)
hypertune_test(reproducible_test
  SOURCES integration/handover_test.cpp integration/reproducible_test.cpp
  DEPENDS hypertune_config hypertune_storage)
