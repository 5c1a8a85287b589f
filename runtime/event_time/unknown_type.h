/// What is said of events of a type that no rule file declares.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/plan_fwd.h"

namespace tocsin::runtime {
/// What the reasons of such dead letters begin with.
inline constexpr std::string_view kUnknownType = "no rule file declares the event type ";

/// Reasons why lines of such types are dead letters: they ask for the declared type that is spelled
/// nearly so. A reason takes time by the length of its type, a few steps for each declared one, and
/// a comparison of both names with each that has nearly the same letters.
class UnknownTypeReasons {
 public:
  /// Borrows the plan.
  explicit UnknownTypeReasons(const cep::Plan& plan);
  std::string of(std::string_view type) const;

 private:
  struct Declared {
    std::string_view type;  // in the input
    std::string_view name;  // in the rules
    std::uint64_t letters;  // of the type: a bit for each
  };
  std::string_view nearest(std::string_view type) const;

  std::vector<Declared> declared_;
};
}  // namespace tocsin::runtime
