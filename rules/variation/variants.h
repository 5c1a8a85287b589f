/// Variants of rules: the same rule with one literal replaced, as a declaration beside it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/text/diagnostics.h"
#include "rules/variation/variable_rules.h"

namespace tocsin::rules {
/// One literal of one rule, and what stands instead of it.
struct Variant {
  std::string rule;       // the NAME of the rule that is varied
  std::string name;       // its own, and its id; no name of any file
  SourceSpan literal;     // in the rule's file
  std::string written;    // what stands there
  std::string value;      // its literal: of a constant, the constant's value
  std::string neighbour;  // what the variant has there
  std::string text;       // the declaration
};
struct Variants {
  std::vector<Variant> all;
  std::size_t left_out = 0;  // that there would be beyond the limit
  /// Rules that read the alerts of every rule: their variants would read each other's.
  std::vector<std::string> not_varied;
};
/// The variants of rules, by rule, place and value; at most `variants_max`.
Variants make_variants(const SourceMap& sources, const std::vector<VariableRule>& rules,
                       std::size_t variants_max);

/// The text of a file with its variants behind it, and where each of them stands there.
struct VariedFile {
  struct Place {
    std::uint32_t begin = 0;  // byte
    std::size_t variant = 0;  // index
  };
  std::string text;
  std::vector<Place> places;  // ascending
  /// The variant that byte `at` is of; nothing for what the file has itself.
  const Place* find(std::uint32_t at) const;
};
/// File `file` with those of `variants` behind it that are of its rules.
VariedFile add_variants(const SourceMap& sources, std::uint32_t file,
                        const std::vector<Variant>& variants);
}  // namespace tocsin::rules
