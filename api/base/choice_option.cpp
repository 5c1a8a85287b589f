#include "api/base/choice_option.h"

#include <CLI/CLI.hpp>

namespace tocsin::api {
CLI::Option* add_choice(CLI::App& command, const std::string& names, std::string& value,
                        const std::string& words, const std::string& description) {
  const auto is_choice = [words](const std::string& given) {
    const bool is_word = !given.empty() && given.find('|') == std::string::npos &&
                         ('|' + words + '|').find('|' + given + '|') != std::string::npos;
    return is_word ? std::string() : "must be one of " + words + ", not " + given;
  };
  return command.add_option(names, value, description)->type_name(words)->check(is_choice);
}
}  // namespace tocsin::api
