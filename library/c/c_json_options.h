/// Options of the C interface: one JSON object, each member read once by its name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/time.h"
#include "library/c/c_call.h"

namespace tocsin::library {
/// Reads members into places that hold their standard values. What is wrong is kept, the first of
/// it; finish() says it, or names a member that nobody read.
class JsonOptions {
 public:
  /// `text` NULL or empty: no members.
  explicit JsonOptions(const char* text);
  ~JsonOptions();
  JsonOptions(const JsonOptions&) = delete;
  JsonOptions& operator=(const JsonOptions&) = delete;

  void boolean(const char* name, bool& to);
  /// A whole number in [least, most].
  void number(const char* name, std::uint64_t least, std::uint64_t most, std::uint64_t& to);
  /// The same or null.
  void number(const char* name, std::uint64_t least, std::uint64_t most,
              std::optional<std::uint64_t>& to);
  /// A text as in rules, or null.
  void duration(const char* name, std::optional<cep::Duration>& to);
  /// One of the words; gives its place.
  void word(const char* name, const std::vector<std::string>& words, std::size_t& to);
  CallResult finish() const;

 private:
  const nlohmann::json* find(const char* name);
  void refuse(const char* name, std::string_view wanted);

  std::unique_ptr<nlohmann::json> members_;
  std::vector<std::string> known_;
  std::optional<std::string> problem_;
};
}  // namespace tocsin::library
