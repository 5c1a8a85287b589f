/// The least that any engine must do with a stream: simdjson On-Demand over each line, and of each
/// object exactly the fields that the rules read, into registers.
#pragma once
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::bench {
class ParseLimit {
 public:
  /// `type`, the times and identities of events, and the fields that the program reads.
  explicit ParseLimit(const cep::Program& program) {
    add("type", Kind::kText);
    const cep::Plan& plan = program.plan();
    for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
      const cep::EventType& type = plan.event_types[t];
      if (type.is_alert()) continue;
      for (std::size_t f = 0; f < type.fields.size(); ++f) {
        const bool is_id = type.id_field && type.id_field->value == f;
        if (f != type.time_field.value && !is_id && !program.used_fields()[t][f]) continue;
        if (type.fields[f].path.size() == 1) add(type.fields[f].path[0], kind_of(type.fields[f]));
      }
    }
    std::sort(wanted_.begin(), wanted_.end(),
              [](const Wanted& a, const Wanted& b) { return a.name < b.name; });
    for (std::size_t i = wanted_.size(); i-- > 0;) {
      const auto letter = static_cast<unsigned char>(wanted_[i].name[0]);
      if (behind_[letter] == 0) behind_[letter] = static_cast<std::uint8_t>(i + 1);
      first_[letter] = static_cast<std::uint8_t>(i);
    }
  }

  /// Reads every line of the first `size` bytes of `text`, which has simdjson::SIMDJSON_PADDING
  /// bytes behind them. Returns the number of lines; adds what was read to `sum`.
  std::uint64_t read(const std::string& text, std::size_t size, std::uint64_t& sum) const {
    simdjson::ondemand::parser parser;
    std::uint64_t lines = 0;
    const char* at = text.data();
    const char* const end = text.data() + size;
    while (at < end) {
      const auto* newline =
          static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      const char* const stop = newline != nullptr ? newline : end;
      const auto length = static_cast<std::size_t>(stop - at);
      auto document = parser.iterate(at, length, length + simdjson::SIMDJSON_PADDING);
      for (auto field : document.get_object()) {
        const simdjson::ondemand::raw_json_string key = field.key();
        const char* const name = key.raw();
        const auto letter = static_cast<unsigned char>(name[0]);
        for (std::size_t i = first_[letter]; i < behind_[letter]; ++i) {
          const Wanted& wanted = wanted_[i];
          std::uint64_t head = 0;  // a line has bytes behind its last name
          std::memcpy(&head, name, sizeof(head));
          if ((head & wanted.mask) != wanted.head) continue;
          if (wanted.quoted.size() > sizeof(head) &&
              std::memcmp(name, wanted.quoted.data(), wanted.quoted.size()) != 0) {
            continue;
          }
          take(wanted.kind, field.value(), sum);
          break;
        }
      }
      ++lines;
      at = stop + 1;
    }
    return lines;
  }

 private:
  enum class Kind : std::uint8_t { kText, kInteger, kNumber, kTruth };
  struct Wanted {
    std::string name;
    std::string quoted;  // with the quote that ends it in the line
    Kind kind;
    std::uint64_t head = 0, mask = 0;  // of the first eight bytes of `quoted`
  };
  static Kind kind_of(const cep::Field& field) {
    switch (field.type.kind) {
      case cep::TypeKind::kBool:
        return Kind::kTruth;
      case cep::TypeKind::kInt:
      case cep::TypeKind::kTime:
      case cep::TypeKind::kDuration:
        return Kind::kInteger;
      case cep::TypeKind::kFloat:
      case cep::TypeKind::kDecimal:
        return Kind::kNumber;
      default:
        return Kind::kText;
    }
  }
  void add(const std::string& name, Kind kind) {
    const auto is_same = [&](const Wanted& wanted) { return wanted.name == name; };
    if (std::any_of(wanted_.begin(), wanted_.end(), is_same)) return;
    Wanted wanted{name, name + '"', kind};
    const std::size_t size = std::min(wanted.quoted.size(), sizeof(wanted.head));
    std::memcpy(&wanted.head, wanted.quoted.data(), size);
    std::memset(&wanted.mask, 0xff, size);
    wanted_.push_back(std::move(wanted));
  }
  // What has another type than declared counts for nothing.
  [[gnu::always_inline]] static void take(Kind kind, simdjson::ondemand::value value,
                                          std::uint64_t& sum) {
    switch (kind) {
      case Kind::kText: {
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS) break;
        sum += text.size() + static_cast<unsigned char>(text.empty() ? '\0' : text.front());
        break;
      }
      case Kind::kInteger: {
        std::int64_t number = 0;
        if (value.get_int64().get(number) == simdjson::SUCCESS)
          sum += static_cast<std::uint64_t>(number);
        break;
      }
      case Kind::kNumber: {
        double number = 0;
        if (value.get_double().get(number) == simdjson::SUCCESS)
          sum += static_cast<std::uint64_t>(number);
        break;
      }
      case Kind::kTruth: {
        bool truth = false;
        if (value.get_bool().get(truth) == simdjson::SUCCESS) sum += truth ? 1U : 0U;
        break;
      }
    }
  }

  std::vector<Wanted> wanted_;  // by name
  // Of a first letter: its names are those from `first_` up to `behind_`.
  std::array<std::uint8_t, 256> first_{}, behind_{};
};
}  // namespace tocsin::bench
