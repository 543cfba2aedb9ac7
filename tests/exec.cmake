# Programs as trials: processes, report lines, arguments.
hypertune_test(process_test
  SOURCES integration/process_test.cpp
  DEPENDS hypertune_base)
hypertune_test(command_test
  SOURCES unit/argument_template_test.cpp unit/report_line_test.cpp integration/command_test.cpp
  DEPENDS hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
