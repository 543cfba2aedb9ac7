// The one table of names of samplers and schedulers, and of the options that study files may set.
// Ranges that several options have to keep together are checked by the algorithms themselves.
#include "config/registry.h"

#include "config/sections.h"

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
          option("max_bad_trials", &O::max_bad_trials, {.low = 100}),
          metric_list_option("constraints", &O::constraints)};
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
                  {"bipop", CmaesRestarts::Bipop}}),
          option("learning_rate_adaptation", &O::learning_rate_adaptation)};
}

std::vector<Option<GpOptions>> gp_options() {
  using O = GpOptions;
  return {option("n_startup_trials", &O::n_startup_trials, kFromOne),
          option("n_candidates", &O::n_candidates, kFromOne),
          option("deterministic", &O::deterministic),
          option("max_trials", &O::max_trials, {.low = 20}),
          metric_list_option("constraints", &O::constraints)};
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

/// The most epochs that a trial may be given.
std::int64_t most_epochs(const StudyFile& file) {
  const Parameter* parameter = file.spec.space.find("epochs");
  if (parameter == nullptr) return file.trainer.epochs;
  if (const auto* range = std::get_if<IntDomain>(&parameter->domain)) return range->high;
  double most = 0;
  if (const auto* list = std::get_if<CategoricalDomain>(&parameter->domain)) {
    for (const Value& value : list->choices) most = std::max(most, as_number(value).value_or(0));
  } else {
    most = std::get<FloatDomain>(parameter->domain).high;
  }
  return static_cast<std::int64_t>(most);
}

/// The last step of a trial; by default its last epoch.
template <typename O, typename M>
Option<O> max_resource_option(M O::*member) {
  Option<O> made = option("max_resource", member, kFromOne);
  made.complete = [member](const Entry& section, const StudyFile& file, O& into) -> std::string {
    if (section.find("max_resource")) return {};
    if (has_own_names(section)) {
      section.fail(
          fmt::format("{} has no max_resource, the last step that a trial reports; add it, such as "
                      "max_resource = 100",
                      section.name()));
    }
    into.*member = most_epochs(file);
    return "max_resource is the trainer's epochs";
  };
  return made;
}

/// A list of parameters of the space.
template <typename O>
Option<O> parameter_list_option(std::string_view key, std::vector<std::string> O::*member) {
  const auto text = [member](const O& from) {
    std::vector<std::string> quoted;
    for (const std::string& name : from.*member) quoted.push_back(option_types::to_toml(name));
    return fmt::format("[{}]", join(quoted, ", "));
  };
  const auto complete = [key, member](const Entry& section, const StudyFile& file,
                                      O& into) -> std::string {
    const auto list = section.find(key);
    if (!list) return {};
    std::vector<std::string> known;
    for (const Parameter& parameter : file.spec.space.parameters()) {
      if (parameter.role == Role::Sampled) known.push_back(parameter.name);
    }
    for (const Entry& element : list->elements()) {
      const std::string name = element.text();
      if (std::ranges::find(known, name) == known.end()) {
        element.fail(fmt::format("[space] has no sampled parameter \"{}\"{}", shorten(name, 60),
                                 suggestion(name, known)));
      }
      (into.*member).push_back(name);
    }
    return {};
  };
  return {key, [](const Entry&, O&) {}, text, complete};
}

std::vector<Option<AshaOptions>> asha_options() {
  using O = AshaOptions;
  return {option("min_resource", &O::min_resource, kFromOne),
          max_resource_option(&O::max_resource),
          option("reduction_factor", &O::reduction_factor, {.low = 2, .high = 1000}),
          option("brackets", &O::brackets, {.low = 1, .high = 32}),
          option("grace_trials", &O::grace_trials, kFromOne),
          option("mode", &O::mode, {{"stop", AshaMode::Stop}, {"promote", AshaMode::Promote}})};
}

std::vector<Option<HyperbandOptions>> hyperband_options() {
  using O = HyperbandOptions;
  return {max_resource_option(&O::max_resource), option("min_resource", &O::min_resource, kFromOne),
          option("reduction_factor", &O::reduction_factor, {.low = 2, .high = 1000}),
          option("grace_trials", &O::grace_trials, kFromOne),
          option("mode", &O::mode,
                 {{"asynchronous", HyperbandMode::Asynchronous},
                  {"synchronous", HyperbandMode::Synchronous}})};
}

/// What PBT and PB2 have in common.
template <typename O>
std::vector<Option<O>> population_options() {
  return {option("interval", &O::interval, kFromOne),
          option("quantile", &O::quantile, {.low = 0, .high = 0.5, .open = Range::Open::Low}),
          option("burn_in", &O::burn_in, kFromZero), max_resource_option(&O::max_resource),
          parameter_list_option("parameters", &O::parameters)};
}

std::vector<Option<PbtOptions>> pbt_options() {
  using O = PbtOptions;
  auto options = population_options<O>();
  options.push_back(option("resample_probability", &O::resample_probability, kShare));
  options.push_back(
      option("factor_low", &O::factor_low, {.low = 0, .high = 1, .open = Range::Open::Both}));
  options.push_back(option("factor_high", &O::factor_high, {.low = 1, .open = Range::Open::Low}));
  return options;
}

/// As a study file has it.
struct Patience {
  int patience = PatienceOptions().patience;
  double tolerance = PatienceOptions().tolerance;
  std::optional<Choice<Scheduler>> wrapped = {};
};

std::unique_ptr<Scheduler> patience_around(const Patience& options) {
  return patience_scheduler({.patience = options.patience, .tolerance = options.tolerance},
                            options.wrapped ? options.wrapped->make() : nullptr);
}

Option<Patience> wrapped_option() {
  const auto text = [](const Patience& from) -> std::string {
    if (!from.wrapped) return {};
    std::vector<std::string> keys = {fmt::format("name = \"{}\"", from.wrapped->name)};
    keys.insert(keys.end(), from.wrapped->changed.begin(), from.wrapped->changed.end());
    return fmt::format("{{ {} }}", join(keys, ", "));
  };
  const auto complete = [](const Entry& section, const StudyFile& file,
                           Patience& into) -> std::string {
    const auto entry = section.find("wrapped");
    if (entry) into.wrapped = read_choice(*entry, schedulers(), file);
    return {};
  };
  return {"wrapped", [](const Entry&, Patience&) {}, text, complete};
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
      algorithm("auto", auto_sampler,
                {metric_list_option("constraints", &AutoOptions::constraints)}),
      algorithm("gp", gp_sampler, gp_options()),
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
      algorithm("patience", patience_around,
                {option("patience", &Patience::patience, kFromZero),
                 option("tolerance", &Patience::tolerance, kFromZero), wrapped_option()}),
      algorithm("asha", asha_scheduler, asha_options()),
      algorithm("hyperband", hyperband_scheduler, hyperband_options()),
      algorithm("bohb", hyperband_scheduler, hyperband_options()),
      algorithm("pbt", pbt_scheduler, pbt_options()),
      algorithm("pb2", pb2_scheduler, population_options<Pb2Options>()),
      algorithm("wilcoxon", wilcoxon_scheduler,
                {option("p_threshold", &WilcoxonOptions::p_threshold, kShare),
                 option("startup_steps", &WilcoxonOptions::startup_steps, kFromZero)})};
  return rows;
}

}  // namespace hypertune
