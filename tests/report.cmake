# Statistics, claims, figures and reports.
hypertune_test(statistics_test
  SOURCES unit/statistics_test.cpp
  DEPENDS hypertune_math)
hypertune_test(claim_test
  SOURCES unit/claim_test.cpp support/simulated_study.cpp
  DEPENDS hypertune_report hypertune_storage)
hypertune_test(report_test
  SOURCES unit/report_test.cpp unit/figure_test.cpp unit/show_figures_test.cpp
          support/simulated_study.cpp
  DEPENDS hypertune_report hypertune_storage)
hypertune_test(importance_test
  SOURCES
    unit/fanova_test.cpp unit/importance_test.cpp unit/importance_section_test.cpp
    support/simulated_study.cpp
  DEPENDS hypertune_report)
hypertune_test(study_copy_test
  SOURCES unit/study_copy_test.cpp unit/study_attach_test.cpp
  DEPENDS hypertune_report hypertune_samplers hypertune_schedulers hypertune_storage)
