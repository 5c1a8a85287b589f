/// A plan compiled to a program.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/base/result.h"
#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
class ProgramImpl;
struct ReferenceData;
/// A plan made ready to run; shared by engines, and immutable but for the entries of its lists and
/// tables.
class Program {
 public:
  explicit Program(std::shared_ptr<const ProgramImpl> impl);
  const Plan& plan() const;
  /// For each event type, for each field: whether anything reads it (the columns that a decoder
  /// fills: no computed ones).
  const std::vector<std::vector<bool>>& used_fields() const;
  /// For each event type: whether any rule or feature can use it at all.
  const std::vector<bool>& used_types() const;
  /// The same with lists and tables of its own: what is changed there, no other program sees.
  Program with_own_data() const;
  /// The same under another Limits::steps_per_event_max, with the same lists and tables.
  Program with_steps_per_event_max(std::uint64_t most) const;
  /// Lists and tables (cep/data/reference_data.h), to be changed between two slices.
  ReferenceData& data() const;
  const ProgramImpl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const ProgramImpl> impl_;
};
class TextDatabaseCache;
/// Fails when the plan does not validate or crosses a limit; the message names the rule. Text
/// databases are taken from `cache` and kept there, where one is given.
Result<Program> compile(std::shared_ptr<const Plan> plan, const Limits& limits = {},
                        TextDatabaseCache* cache = nullptr);
/// The same with a table for each key and pass, so that a pass can run by itself (cep/stage). It
/// gives the same alerts.
Result<Program> compile_by_pass(std::shared_ptr<const Plan> plan, const Limits& limits = {},
                                TextDatabaseCache* cache = nullptr);
/// The same as compile(), with every rule left to the general matcher; for tests that compare the
/// methods.
Result<Program> compile_general(std::shared_ptr<const Plan> plan, const Limits& limits);
/// The same as compile(), with every predicate left to the index that it can find; for tests.
Result<Program> compile_indexed(std::shared_ptr<const Plan> plan, const Limits& limits);
}  // namespace tocsin::cep
