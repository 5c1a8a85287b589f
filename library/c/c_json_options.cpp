#include "library/c/c_json_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "rules/text/suggest.h"

namespace tocsin::library {
JsonOptions::JsonOptions(const char* text)
    : members_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {
  if (text == nullptr || *text == '\0') return;
  *members_ = nlohmann::json::parse(text, nullptr, false);
  if (members_->is_object()) return;
  *members_ = nlohmann::json::object();
  problem_ = R"(options are one JSON object, as {"out_of_orderness":"5s"})";
}

JsonOptions::~JsonOptions() = default;

const nlohmann::json* JsonOptions::find(const char* name) {
  known_.emplace_back(name);
  const auto found = members_->find(name);
  return found == members_->end() ? nullptr : &*found;
}

void JsonOptions::refuse(const char* name, std::string_view wanted) {
  if (problem_) return;
  problem_ = fmt::format(
      "the option \"{}\" takes {}, and {} is not", name, wanted,
      members_->at(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void JsonOptions::boolean(const char* name, bool& to) {
  const nlohmann::json* const value = find(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) return refuse(name, "true or false");
  to = value->get<bool>();
}

void JsonOptions::number(const char* name, std::uint64_t least, std::uint64_t most,
                         std::uint64_t& to) {
  const nlohmann::json* const value = find(name);
  if (value == nullptr) return;
  const bool is_whole = value->is_number_unsigned();
  if (!is_whole || value->get<std::uint64_t>() < least || value->get<std::uint64_t>() > most) {
    return refuse(name, fmt::format("a whole number from {} to {}", least, most));
  }
  to = value->get<std::uint64_t>();
}

void JsonOptions::number(const char* name, std::uint64_t least, std::uint64_t most,
                         std::optional<std::uint64_t>& to) {
  const auto value = members_->find(name);
  if (value != members_->end() && value->is_null()) {
    find(name);
    to.reset();
    return;
  }
  std::uint64_t number_read = to.value_or(0);
  number(name, least, most, number_read);
  if (value != members_->end()) to = number_read;
}

void JsonOptions::duration(const char* name, std::optional<cep::Duration>& to) {
  const nlohmann::json* const value = find(name);
  if (value == nullptr) return;
  if (value->is_null()) {
    to.reset();
    return;
  }
  std::optional<cep::Duration> parsed;
  if (value->is_string()) parsed = cep::parse_duration(value->get_ref<const std::string&>());
  if (value->is_string() && value->get_ref<const std::string&>() == "0") parsed = cep::Duration{};
  const bool is_in_range = parsed && parsed->us >= 0 && parsed->us <= cep::kEventTimeMax.us;
  if (!is_in_range) return refuse(name, "a duration, as \"5s\" or \"1h30m\", or null");
  to = parsed;
}

void JsonOptions::word(const char* name, const std::vector<std::string>& words, std::size_t& to) {
  const nlohmann::json* const value = find(name);
  if (value == nullptr) return;
  const auto found = value->is_string()
                         ? std::ranges::find(words, value->get_ref<const std::string&>())
                         : words.end();
  if (found == words.end()) {
    return refuse(name, fmt::format("\"{}\"", fmt::join(words, "\" or \"")));
  }
  to = static_cast<std::size_t>(found - words.begin());
}

CallResult JsonOptions::finish() const {
  if (problem_) return fail_call(TOCSIN_INVALID_ARGUMENT, *problem_);
  for (const auto& [name, value] : members_->items()) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const std::optional<std::string> near = rules::nearest(name, known_);
    return fail_call(TOCSIN_INVALID_ARGUMENT,
                     fmt::format("there is no option \"{}\"{}; these are: {}", name,
                                 near ? fmt::format(", did you mean \"{}\"?", *near) : "",
                                 fmt::join(known_, ", ")));
  }
  return {};
}
}  // namespace tocsin::library
