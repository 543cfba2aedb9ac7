# The dashboard's server.
hypertune_test(serve_gate_test SOURCES unit/serve_gate_test.cpp DEPENDS hypertune_serve)
hypertune_test(serve_server_test SOURCES integration/serve_server_test.cpp DEPENDS hypertune_serve)
hypertune_test(serve_table_test SOURCES unit/serve_table_test.cpp DEPENDS hypertune_serve)
hypertune_test(serve_live_test
  SOURCES integration/serve_live_test.cpp
  DEPENDS hypertune_serve hypertune_storage)
hypertune_test(serve_answers_test
  SOURCES unit/serve_filter_test.cpp unit/serve_figures_test.cpp integration/serve_api_test.cpp
  DEPENDS hypertune_serve hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
