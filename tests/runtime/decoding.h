/// A decoder of event_plan() at work on single lines, for tests.
#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/data/batch.h"
#include "runtime/decode/decoder.h"
#include "runtime/decode/json_structure.h"
#include "tests/runtime/event_plan.h"
#include "tests/support/printing.h"

namespace tocsin::tests {
/// Decodes lines one by one; what follows a line is whatever may look most like more of it.
class Decoding {
 public:
  Decoding() : Decoding(event_plan()) {}
  explicit Decoding(cep::Plan plan) : Decoding(std::move(plan), {}, {}) {}
  Decoding(cep::Plan plan, const std::vector<std::vector<bool>>& used_fields,
           const std::vector<bool>& used_types)
      : plan_(std::move(plan)),
        batch_(plan_),
        decoder_(plan_, used_fields.empty() ? all_fields(plan_) : used_fields,
                 used_types.empty() ? all_types(plan_) : used_types) {
    decoder_.begin(batch_);
  }

  runtime::Decoded decode(std::string_view line) {
    padded_ = std::string(line) + "\",\"a\":1}]}" + std::string(runtime::kLinePadding, '}');
    return decoder_.decode({padded_.data(), line.size()});
  }
  // Decodes an event and keeps it.
  cep::Row keep(std::string_view line) {
    const runtime::Decoded decoded = decode(line);
    INFO("line: ", line);
    REQUIRE(decoded.kind == runtime::LineKind::kEvent);
    problems_.clear();
    for (const runtime::FieldProblem& problem : decoder_.problems())
      problems_.push_back(decoder_.describe(problem, "f:1"));
    decoder_.keep(decoded.ts, {++arrivals_, 0});
    return batch_.rows.back();
  }
  std::string reason(std::string_view line) {
    const runtime::Decoded decoded = decode(line);
    if (decoded.kind == runtime::LineKind::kEvent) return "an event";
    return decoded.kind == runtime::LineKind::kIgnored ? "ignored" : decoder_.dead_letter_reason();
  }
  cep::Value value(const cep::Row& row, const std::string& field) const {
    const std::string& type = plan_.event_types[row.type.value].name;
    return batch_.value(plan_, row, field_index(plan_, type, field));
  }
  std::string problem() const {
    return problems_.size() == 1 ? problems_.front() : std::to_string(problems_.size());
  }
  const std::vector<std::string>& problems() const { return problems_; }
  const cep::Plan& plan() const { return plan_; }
  cep::Batch& batch() { return batch_; }
  runtime::Decoder& decoder() { return decoder_; }

 private:
  cep::Plan plan_;
  cep::Batch batch_;
  runtime::Decoder decoder_;
  std::string padded_;
  std::vector<std::string> problems_;
  std::uint64_t arrivals_ = 0;
};

/// A payment with these members after the required ones.
inline std::string payment(const std::string& members) {
  return R"({"type":"payment","id":"p1","ts":5,"card":"c1","amount":1.00)" +
         (members.empty() ? "" : "," + members) + "}";
}
}  // namespace tocsin::tests
