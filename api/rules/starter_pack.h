/// The rule pack that `tocsin new` begins with.
#pragma once
#include <string>
#include <vector>

namespace tocsin::api {
struct StarterFile {
  std::string name;
  std::string text;
};
/// A schema, two rules with tests, sample events that raise an alert, and a README that speaks of
/// the pack as `name`.
std::vector<StarterFile> starter_pack(const std::string& name);
}  // namespace tocsin::api
