// Domains to JSON and back.
#include "space/domain_json.h"

#include <fmt/format.h>

#include "hypertune/error.h"

namespace hypertune {

Json to_json(const Domain& domain) {
  if (const auto* d = std::get_if<FloatDomain>(&domain)) {
    return {{"name", "FloatDistribution"},
            {"attributes",
             {{"low", d->low},
              {"high", d->high},
              {"log", d->log},
              {"step", d->step ? Json(*d->step) : Json(nullptr)}}}};
  }
  if (const auto* d = std::get_if<IntDomain>(&domain)) {
    return {
        {"name", "IntDistribution"},
        {"attributes", {{"low", d->low}, {"high", d->high}, {"log", d->log}, {"step", d->step}}}};
  }
  Json choices = Json::array();
  for (const Value& choice : std::get<CategoricalDomain>(domain).choices) {
    choices.push_back(to_json(choice));
  }
  return {{"name", "CategoricalDistribution"}, {"attributes", {{"choices", std::move(choices)}}}};
}

Domain domain_from_json(const Json& json) {
  try {
    const auto name = json.at("name").get<std::string>();
    const Json& attributes = json.at("attributes");
    if (name == "FloatDistribution") {
      FloatDomain domain{attributes.at("low").get<double>(), attributes.at("high").get<double>(),
                         attributes.at("log").get<bool>()};
      if (!attributes.at("step").is_null()) domain.step = attributes.at("step").get<double>();
      return domain;
    }
    if (name == "IntDistribution") {
      return IntDomain{attributes.at("low").get<std::int64_t>(),
                       attributes.at("high").get<std::int64_t>(), attributes.at("log").get<bool>(),
                       attributes.at("step").get<std::int64_t>()};
    }
    if (name == "CategoricalDistribution") {
      CategoricalDomain domain;
      for (const Json& choice : attributes.at("choices")) {
        domain.choices.push_back(value_from_json(choice));
      }
      return domain;
    }
    throw Error(fmt::format("\"{}\" is no kind of domain that hypertune knows", name));
  } catch (const Json::exception& e) {
    throw Error(fmt::format("not a domain: {}", e.what()));
  }
}

}  // namespace hypertune
