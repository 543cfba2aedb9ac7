// The one table of names of samplers and schedulers, and of the options that study files may set.
// Ranges that several options have to keep together are checked by the algorithms themselves.
#include "config/registry.h"

namespace hypertune {
namespace {

constexpr Range kFromZero{.low = 0};
constexpr Range kFromOne{.low = 1};
constexpr Range kShare{.low = 0, .high = 1};
constexpr Range kAboveZero{.low = 0, .open = Range::Open::Low};

std::vector<Option<TpeOptions>> tpe_options() {
  using O = TpeOptions;
  return {option("n_startup_trials", &O::n_startup_trials, kFromOne),
          option("n_ei_candidates", &O::n_ei_candidates, kFromOne),
          option("multivariate", &O::multivariate),
          option("constant_liar", &O::constant_liar),
          option("prior_weight", &O::prior_weight, kAboveZero),
          option("max_bad_trials", &O::max_bad_trials, {.low = 100})};
}

std::vector<Option<CmaesOptions>> cmaes_options() {
  using O = CmaesOptions;
  return {option("population_size", &O::population_size, {.low = 4}),
          option("sigma0", &O::sigma0, {.low = 0, .high = 1, .open = Range::Open::Low}),
          option("covariance", &O::covariance,
                 {{"full", CmaesCovariance::Full}, {"diagonal", CmaesCovariance::Diagonal}}),
          option("restarts", &O::restarts,
                 {{"none", CmaesRestarts::None},
                  {"ipop", CmaesRestarts::Ipop},
                  {"bipop", CmaesRestarts::Bipop}})};
}

/// What the genetic samplers have in common.
template <typename O>
std::vector<Option<O>> genetic_options() {
  return {
      option("population", &O::population, {.low = 2}),
      option("crossover", &O::crossover,
             {{"uniform", Crossover::Uniform}, {"sbx", Crossover::Sbx}, {"blx", Crossover::Blx}}),
      option("crossover_probability", &O::crossover_probability, kShare),
      option("swap_probability", &O::swap_probability, kShare),
      option("crossover_eta", &O::crossover_eta, kFromZero),
      option("mutation", &O::mutation,
             {{"uniform", Mutation::Uniform}, {"polynomial", Mutation::Polynomial}}),
      option("mutation_probability", &O::mutation_probability, kShare),
      option("mutation_eta", &O::mutation_eta, kFromZero),
      metric_list_option("constraints", &O::constraints)};
}

std::vector<Option<Nsga3Options>> nsga3_options() {
  auto options = genetic_options<Nsga3Options>();
  options.push_back(option("divisions", &Nsga3Options::divisions, {.low = 1, .high = 100}));
  return options;
}

/// What the median and the percentile have in common.
template <typename O>
std::vector<Option<O>> percentile_options() {
  return {option("startup_trials", &O::startup_trials, kFromZero),
          option("warmup_steps", &O::warmup_steps, kFromZero),
          option("interval_steps", &O::interval_steps, kFromOne),
          option("min_trials", &O::min_trials, kFromOne)};
}

std::vector<Option<PercentileOptions>> any_percentile_options() {
  auto options = percentile_options<PercentileOptions>();
  options.insert(options.begin(),
                 option("percentile", &PercentileOptions::percentile, {.low = 0, .high = 100}));
  return options;
}

std::vector<Option<ThresholdOptions>> threshold_options() {
  using O = ThresholdOptions;
  return {option("lower", &O::lower, Range{}), option("upper", &O::upper, Range{}),
          option("warmup_steps", &O::warmup_steps, kFromZero),
          option("interval_steps", &O::interval_steps, kFromOne)};
}

std::vector<Option<AshaOptions>> asha_options() {
  using O = AshaOptions;
  return {option("min_resource", &O::min_resource, kFromOne),
          option("max_resource", &O::max_resource, kFromOne),
          option("reduction_factor", &O::reduction_factor, {.low = 2, .high = 1000}),
          option("brackets", &O::brackets, {.low = 1, .high = 32}),
          option("grace_trials", &O::grace_trials, kFromOne)};
}

std::vector<Option<HyperbandOptions>> hyperband_options() {
  using O = HyperbandOptions;
  return {option("max_resource", &O::max_resource, kFromOne),
          option("min_resource", &O::min_resource, kFromOne),
          option("reduction_factor", &O::reduction_factor, {.low = 2, .high = 1000}),
          option("grace_trials", &O::grace_trials, kFromOne)};
}

std::unique_ptr<Scheduler> lone_patience(const PatienceOptions& options) {
  return patience_scheduler(options);
}

}  // namespace

std::span<const Algorithm<Sampler>> samplers() {
  static const std::vector<Algorithm<Sampler>> rows = {
      algorithm("random", random_sampler),
      algorithm("qmc", qmc_sampler,
                {option("sequence", &QmcOptions::sequence,
                        {{"sobol", QmcSequence::Sobol}, {"halton", QmcSequence::Halton}}),
                 option("scramble", &QmcOptions::scramble)}),
      algorithm("tpe", tpe_sampler, tpe_options()),
      algorithm("cmaes", cmaes_sampler, cmaes_options()),
      algorithm("nsga2", nsga2_sampler, genetic_options<Nsga2Options>()),
      algorithm("nsga3", nsga3_sampler, nsga3_options())};
  return rows;
}

std::span<const Algorithm<Scheduler>> schedulers() {
  static const std::vector<Algorithm<Scheduler>> rows = {
      algorithm("fifo", fifo_scheduler),
      algorithm("median", median_scheduler, percentile_options<MedianOptions>()),
      algorithm("percentile", percentile_scheduler, any_percentile_options()),
      algorithm("threshold", threshold_scheduler, threshold_options()),
      algorithm("patience", lone_patience,
                {option("patience", &PatienceOptions::patience, kFromZero),
                 option("tolerance", &PatienceOptions::tolerance, kFromZero)}),
      algorithm("asha", asha_scheduler, asha_options()),
      algorithm("hyperband", hyperband_scheduler, hyperband_options()),
      algorithm("wilcoxon", wilcoxon_scheduler,
                {option("p_threshold", &WilcoxonOptions::p_threshold, kShare),
                 option("startup_steps", &WilcoxonOptions::startup_steps, kFromZero)})};
  return rows;
}

}  // namespace hypertune
