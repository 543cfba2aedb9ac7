# Tests of the space, the samplers, studies and the worker loop.
hypertune_test(space_test
  SOURCES unit/space_test.cpp unit/condition_test.cpp
  DEPENDS hypertune_space)
hypertune_test(space_property_test
  SOURCES property/condition_property_test.cpp property/points_property_test.cpp
          property/space_property_test.cpp
  DEPENDS hypertune_samplers rapidcheck)
hypertune_test(sampler_contract_test
  SOURCES contract/sampler_contract_test.cpp
  DEPENDS hypertune_samplers)
hypertune_test(study_test
  SOURCES unit/history_test.cpp unit/params_test.cpp unit/study_history_test.cpp unit/study_repeat_test.cpp unit/study_test.cpp
          unit/tune_join_test.cpp unit/tune_test.cpp
  DEPENDS hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
hypertune_test(pause_test
  SOURCES unit/study_pause_test.cpp integration/tune_pause_test.cpp support/child_process.cpp
  DEPENDS hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
hypertune_test(crash_test POSTGRES
  SOURCES integration/crash_rounds_test.cpp integration/run_faults_test.cpp
          support/child_process.cpp
  DEPENDS hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
hypertune_test(pareto_test
  SOURCES unit/niching_test.cpp unit/pareto_test.cpp unit/ped_anova_test.cpp
          property/pareto_property_test.cpp
  DEPENDS hypertune_math rapidcheck)
hypertune_test(encoding_property_test
  SOURCES property/encoding_property_test.cpp
  DEPENDS hypertune_space rapidcheck)
hypertune_test(qmc_test
  SOURCES unit/low_discrepancy_test.cpp unit/qmc_test.cpp
  DEPENDS hypertune_samplers hypertune_schedulers hypertune_storage)
hypertune_test(nsga_test
  SOURCES unit/lineage_test.cpp unit/nsga2_test.cpp unit/nsga3_test.cpp
  DEPENDS hypertune_samplers)
hypertune_test(scheduler_contract_test
  SOURCES contract/scheduler_contract_test.cpp
  DEPENDS hypertune_schedulers)
hypertune_test(scheduler_test
  SOURCES
    unit/scheduler_test.cpp unit/scheduler_population_test.cpp unit/scheduler_promotion_test.cpp
    unit/scheduler_simulation_test.cpp support/simulated_training.cpp
  DEPENDS hypertune_schedulers)
hypertune_test(parzen_test
  SOURCES unit/parzen_test.cpp
  DEPENDS hypertune_math)
hypertune_test(tpe_test
  SOURCES unit/tpe_groups_test.cpp unit/tpe_test.cpp
  DEPENDS hypertune_samplers)
hypertune_test(auto_test
  SOURCES unit/auto_test.cpp unit/warm_start_test.cpp
  DEPENDS hypertune_samplers hypertune_schedulers hypertune_storage)
hypertune_test(cmaes_test
  SOURCES unit/cma_test.cpp unit/cmaes_test.cpp
  DEPENDS hypertune_samplers)
hypertune_test(benchmark_problems_test
  SOURCES unit/benchmark_problems_test.cpp ../bench/quality/bbob.cpp
          ../bench/quality/bbob_instance.cpp ../bench/quality/discrete_problems.cpp
          ../bench/quality/problems.cpp ../bench/quality/real_problems.cpp
  DEPENDS hypertune_core hypertune_math)
target_include_directories(benchmark_problems_test PRIVATE ${PROJECT_SOURCE_DIR}/bench)
hypertune_test(gp_test
  SOURCES unit/gaussian_process_test.cpp unit/gp_test.cpp
  DEPENDS hypertune_samplers)
hypertune_test(study_space_test
  SOURCES unit/stopper_test.cpp unit/study_space_test.cpp
  DEPENDS hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
