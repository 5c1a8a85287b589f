/// The text of `--help`, the same with every version of CLI11.
#pragma once
#include <CLI/App.hpp>
#include <CLI/FormatterFwd.hpp>
#include <string>

namespace tocsin::api {
/// Usage, what it does, positionals, options by group, commands, footer; wrapped at 100 columns.
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};
}  // namespace tocsin::api
