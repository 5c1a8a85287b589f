/// Distinct integer types for the places of a plan, so that a rule's index is never taken for a
/// field's.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>

namespace tocsin::cep {
template <typename Tag>
struct Index {
  std::uint32_t value = 0;
  constexpr Index() = default;
  constexpr explicit Index(std::size_t v) : value(static_cast<std::uint32_t>(v)) {}
  friend constexpr auto operator<=>(Index, Index) = default;
};
using EventTypeIndex = Index<struct EventTypeTag>;  // into Plan::event_types
using FieldIndex = Index<struct FieldTag>;          // into EventType::fields
using FeatureIndex = Index<struct FeatureTag>;      // into Plan::features
using ListIndex = Index<struct ListTag>;            // into Plan::lists
using RuleIndex = Index<struct RuleTag>;            // into Plan::rules: the rule's ordinal
using VarIndex = Index<struct VarTag>;              // into Rule::variables
using TableIndex = Index<struct TableTag>;          // into Plan::tables
}  // namespace tocsin::cep
