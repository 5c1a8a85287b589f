/// The function or aggregate whose arguments somebody is writing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::library {
struct SignatureParameter {
  std::string text;
  std::uint32_t begin = 0;  // in the label
};
struct Signature {
  std::string label;  // "substring(t, from, count)"
  std::string doc;    // a sentence
  std::vector<SignatureParameter> parameters;
  std::size_t active = 0;  // a place in `parameters`: the last one has all arguments beyond it
};
/// The ways to write a call; several where a function and an aggregate have one name.
struct CallSignatures {
  std::vector<Signature> forms;  // at least one
  std::size_t likely = 0;        // a place in `forms`
  const Signature& chosen() const { return forms[likely]; }
};
/// Of the innermost call around a byte of a text, also in `{…}` of an alert's message; nothing
/// outside of calls. The text need not parse: a declaration at the begin of a line ends the calls
/// that were left open before it.
std::optional<CallSignatures> signatures_at(std::string_view text, std::uint32_t byte);
}  // namespace tocsin::library
