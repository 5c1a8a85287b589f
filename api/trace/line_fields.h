/// All fields of lines that an archive has.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"
#include "runtime/event_time/block_decoder.h"

namespace tocsin::api {
/// Reads all fields of lines that are events. Threading: one caller at a time.
class LineFields {
 public:
  /// Borrows the plan.
  explicit LineFields(const cep::Plan& plan);
  /// The row of a line, until the next call; null where it is no event.
  const cep::Row* row(std::string_view line);
  /// Of that row; text is borrowed until the next call of row().
  cep::Value value(const cep::Row& row, std::size_t field) const;
  /// What the event is known by in alerts.
  std::string identity(const cep::Row& row) const;

 private:
  const cep::Plan& plan_;
  std::vector<bool> used_types_;
  runtime::BlockDecoder decoder_;
  runtime::DecodedBlock block_;
  std::string text_;
};
}  // namespace tocsin::api
