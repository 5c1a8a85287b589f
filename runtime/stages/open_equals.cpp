#include "runtime/stages/open_equals.h"

#include <utility>

namespace tocsin::runtime {
std::string write_equal_lines(const EqualLines& equals) {
  std::string bytes;
  ByteWriter to(bytes);
  to.signed_varint(equals.time.us);
  to.varint(equals.count);
  to.text(equals.line);
  return bytes;
}

bool read_equal_lines(std::string_view bytes, EqualLines& equals) {
  ByteReader from(bytes);
  equals.time.us = from.signed_varint();
  equals.count = from.varint_up_to(UINT32_MAX);
  equals.line = from.text();
  return from.is_done() && equals.time > cep::kEventTimeMin && equals.time < cep::kEventTimeMax &&
         equals.count > 0 && !equals.line.empty();
}

void OpenEquals::add(cep::KeyGroup group, std::string_view key, std::string_view value,
                     cep::EventTime time, bool is_stored) {
  kept_.push_back({group, std::string(key), std::string(value), time, is_stored});
}

void OpenEquals::cut(FrontCut& cut, cep::EventTime watermark) {
  std::vector<Kept> open;
  for (Kept& one : kept_) {
    if (one.time <= watermark) {
      if (one.is_stored) cut.remove(one.group, std::move(one.key));
      continue;
    }
    if (!std::exchange(one.is_stored, true)) cut.put(one.group, one.key, one.value);
    open.push_back(std::move(one));
  }
  kept_ = std::move(open);
}

void OpenEquals::mark_all_changed() {
  for (Kept& one : kept_) one.is_stored = false;
}
}  // namespace tocsin::runtime
