// Samplers choose configurations.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/rng.h"
#include "hypertune/space.h"

namespace hypertune {

/// A pure function of the history: the same space, history and generator give the same answer.
/// Safe to call from several threads.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// A value for every active parameter of `space`, grid axes and constants included. `rng` is the
  /// trial's own; take one fork of it for each parameter, named after it.
  virtual Params sample(const SearchSpace& space, const History& history, const Rng& rng) const = 0;

  /// Whether `sample` reads the history at all; when not, the study does not fetch it.
  virtual bool uses_history() const { return true; }

  /// For samplers that choose between methods: which one answers for this history, and why, in
  /// words for the user. Empty for others.
  virtual std::string explain(const SearchSpace& /*space*/, const History& /*history*/) const {
    return {};
  }
};

/// Each parameter independently and uniformly from its domain (in the logarithm where it says so).
/// Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012.
std::unique_ptr<Sampler> random_sampler();

/// A sequence of points that fill the unit cube more evenly than chance does.
enum class QmcSequence : std::uint8_t { Sobol, Halton };

/// Options of `qmc_sampler`.
struct QmcOptions {
  /// Halton only to compare with published results; Sobol points are more even from five
  /// parameters or so on.
  QmcSequence sequence = QmcSequence::Sobol;
  /// Whether the study's seed randomizes the sequence. Off to get the textbook points, of which
  /// Sobol's and Halton's first is the corner of all lower bounds.
  bool scramble = true;
};

/// Quasi-random search: as `random_sampler`, but evenly spread; best at a power of two of trials.
/// The trial's draw is the number of its point. Bergstra and Bengio 2012; Owen 1995.
std::unique_ptr<Sampler> qmc_sampler(const QmcOptions& options = {});

/// What CMA-ES learns of the shape of the objective.
enum class CmaesCovariance : std::uint8_t { Full, Diagonal };

/// What CMA-ES does when it has converged: nothing more, start again with a population twice as
/// large, or by turns with a large and a small one.
enum class CmaesRestarts : std::uint8_t { None, Ipop, Bipop };

/// Options of `cmaes_sampler`.
struct CmaesOptions {
  /// Trials of a generation; at least 4. More for a noisy objective or one with many local optima,
  /// and for more workers than that. Unset: 4 + 3 ln d for d parameters.
  std::optional<int> population_size = {};
  /// Standard deviation at the beginning, as a share of each parameter's range; above 0 and at most
  /// 1. Less when the middle of the space is known to be good, more when it is known to be bad.
  double sigma0 = 1.0 / 6;
  /// Diagonal for more than 30 parameters or so, or when they are known not to interact.
  CmaesCovariance covariance = CmaesCovariance::Full;
  /// Bipop when the budget is thousands of trials and local optima are many; None to let it end
  /// where it first converges.
  CmaesRestarts restarts = CmaesRestarts::Ipop;
  /// Whether steps become smaller where successive ones contradict each other. On for a noisy
  /// objective and for one with many local optima, given thousands of trials.
  bool learning_rate_adaptation = false;
};

/// CMA-ES: a normal distribution that follows the best trials of each generation; for some hundreds
/// of trials on real and integer parameters with one objective. Categories, grid axes and
/// conditional parameters are drawn as by `random_sampler`. Hansen, arXiv:1604.00772. Throws
/// ConfigError when an option is out of its range, or the study has several objectives.
std::unique_ptr<Sampler> cmaes_sampler(const CmaesOptions& options = {});

/// Options of `tpe_sampler`.
struct TpeOptions {
  /// Trials drawn at random before the model is asked. More for a rugged objective, fewer when good
  /// trials were enqueued.
  int n_startup_trials = 10;
  /// Points drawn from the model of the good trials; the most promising is taken. Fewer explore
  /// more, more exploit more.
  int n_ei_candidates = 24;
  /// Whether parameters are modelled jointly. Off when they are known not to interact. Unset:
  /// jointly with one objective, each apart with several.
  std::optional<bool> multivariate = {};
  /// Whether running trials count as bad ones, so that parallel workers spread out. Off when trials
  /// that run together may as well be alike.
  bool constant_liar = true;
  /// Weight of the prior, which is as wide as the domain; an observation weighs 1. More explores
  /// more. Greater than 0.
  double prior_weight = 1;
  /// The model of the bad trials is thinned to about this many, which bounds the time an answer
  /// takes. More when tens of thousands of trials are cheap to wait for. At least 100.
  int max_bad_trials = 1000;
  /// Metrics that must not be positive: a trial that violates one is good only when those that
  /// violate none are too few. One that was stopped early may lack them.
  std::vector<std::string> constraints = {};
};

/// Tree-structured Parzen estimator: draws where good trials lie denser than bad ones. Parameters
/// of one condition are modelled together, from the trials in which they existed.
/// Bergstra, Bardenet, Bengio and Kegl, "Algorithms for hyper-parameter optimization", 2011;
/// Watanabe, arXiv:2304.11127. Throws ConfigError when an option is out of its range.
std::unique_ptr<Sampler> tpe_sampler(TpeOptions options = {});

/// Options of `gp_sampler`.
struct GpOptions {
  /// Complete trials before the models are asked; until then trials fill the space evenly. More
  /// for many parameters, fewer when trials of other studies are known.
  int n_startup_trials = 10;
  /// Points at which the acquisition is looked at before the best ones are improved. More for many
  /// parameters, fewer to save time.
  int n_candidates = 2048;
  /// Whether a trial with the same parameters always gives the same values. Otherwise the noise is
  /// estimated.
  bool deterministic = false;
  /// The models are built from so many trials at most, the best and the newest. More when an answer
  /// may take longer; the time grows with the cube. At least 20.
  int max_trials = 600;
  /// Metrics that must not be positive: they are modelled as well, and places are avoided as far as
  /// they are likely to violate one.
  std::vector<std::string> constraints = {};
};

/// Bayesian optimization: Gaussian processes model the objectives, and the next trial is where the
/// largest improvement is expected. For tens to some hundreds of expensive trials and up to some
/// twenty parameters; one objective or several. Jones, Schonlau and Welch 1998; Ament et al.,
/// arXiv:2310.20708. Throws ConfigError when an option is out of its range.
std::unique_ptr<Sampler> gp_sampler(GpOptions options = {});

/// How a genetic sampler mixes the numbers of two parents. Categories are always taken from either.
enum class Crossover : std::uint8_t {
  Uniform,  ///< each number from either parent
  Sbx,      ///< simulated binary: near a parent, the nearer the larger `crossover_eta` is
  Blx,      ///< blend: evenly between the parents and half their distance beyond
};

/// How a genetic sampler changes a number. Categories are always drawn anew.
enum class Mutation : std::uint8_t {
  Uniform,     ///< drawn anew from the whole domain
  Polynomial,  ///< near the old number, the nearer the larger `mutation_eta` is
};

/// Options of `nsga2_sampler`.
struct Nsga2Options {
  /// Trials of a generation. About 50 from 1,000 trials on, 100 from 5,000 on; at least 2.
  int population = 20;
  /// How numbers are mixed. Blx where parameters interact.
  Crossover crossover = Crossover::Uniform;
  /// Chance that a child has two parents, not one; in [0, 1]. Smaller where mixtures fail.
  double crossover_probability = 0.9;
  /// Chance that a parameter comes from the second parent; in [0, 1]. Smaller keeps together what
  /// belongs together.
  double swap_probability = 0.5;
  /// How near children stay to their parents under Sbx; at least 0. Larger for a fine search.
  double crossover_eta = 20;
  /// How numbers are changed. Uniform where good values lie far apart from each other.
  Mutation mutation = Mutation::Polynomial;
  /// Chance that a parameter is changed; in [0, 1]. Unset: one parameter of a trial on average.
  std::optional<double> mutation_probability = {};
  /// How near changed numbers stay under Polynomial; at least 0. Larger for a fine search.
  double mutation_eta = 20;
  /// Metrics that must not be positive: a trial that violates one counts as worse than any that
  /// violates none.
  std::vector<std::string> constraints = {};
};

/// NSGA-II: each generation descends from the best trials so far, by rank of dominance and then by
/// their distance from each other. For one objective and for several, and large budgets. Deb et
/// al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002. Throws ConfigError
/// when an option is out of its range.
std::unique_ptr<Sampler> nsga2_sampler(Nsga2Options options = {});

/// Options of `nsga3_sampler`; those that `Nsga2Options` has too mean the same.
struct Nsga3Options {
  /// Trials of a generation. Larger for more objectives: 50 from 1,000 trials on.
  int population = 20;
  /// Parts into which each objective's share is cut to get the directions that survivors are spread
  /// over. Unset: as many as give no more directions than the population has trials.
  std::optional<int> divisions = {};
  /// As in Nsga2Options, for the same reasons.
  Crossover crossover = Crossover::Uniform;
  double crossover_probability = 0.9;
  double swap_probability = 0.5;
  double crossover_eta = 20;
  Mutation mutation = Mutation::Polynomial;
  std::optional<double> mutation_probability = {};
  double mutation_eta = 20;
  std::vector<std::string> constraints = {};
};

/// NSGA-III: as NSGA-II, but of one rank those survive that spread over given directions, which
/// holds up with more objectives than three. Deb and Jain, "An evolutionary many-objective
/// optimization algorithm using reference-point-based nondominated sorting approach", 2014. Throws
/// ConfigError when an option is out of its range.
std::unique_ptr<Sampler> nsga3_sampler(Nsga3Options options = {});

/// Options of `auto_sampler`.
struct AutoOptions {
  /// Trials that the study is to have in all. What answers late in a long study is chosen by it.
  int budget = 100;
  /// Trials that run at once.
  int workers = 1;
  /// Metrics that must not be positive; samplers that cannot heed them are not chosen.
  std::vector<std::string> constraints = {};
};

/// Chooses among the samplers above by the space, the number of objectives and these options, and
/// hands over from one to the next as the study grows; `explain` says which and why. For whoever
/// does not know better. Throws ConfigError when an option is out of its range.
std::unique_ptr<Sampler> auto_sampler(AutoOptions options = {});

}  // namespace hypertune
