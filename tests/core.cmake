# Tests of the space, the samplers, studies and the worker loop.
hypertune_test(space_test
  SOURCES unit/space_test.cpp unit/condition_test.cpp
  DEPENDS hypertune_space)
hypertune_test(space_property_test
  SOURCES property/space_property_test.cpp
  DEPENDS hypertune_samplers rapidcheck)
hypertune_test(sampler_contract_test
  SOURCES contract/sampler_contract_test.cpp
  DEPENDS hypertune_samplers)
hypertune_test(study_test
  SOURCES unit/history_test.cpp unit/study_test.cpp unit/tune_test.cpp
  DEPENDS hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
