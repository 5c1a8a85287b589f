// The bytes of the alert store's rows: what decision 12 draws, as golden vectors.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"
#include "tests/support/golden.h"

namespace tocsin::runtime {
namespace {
using tests::hex_of;
constexpr cep::EventTime kTime{1'772'452'860'000'000};

std::array<std::uint8_t, 16> bytes_from(std::uint8_t first) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = first++;
  return bytes;
}
cep::OrderKey sample_order() {
  cep::OrderKey order;
  order.time = kTime;
  order.phase = cep::Phase::kEvent;
  order.arrival = {812, 4, 1};
  order.level = 2;
  order.rule = 3;
  order.key = "card";
  order.ordinal = 5;
  return order;
}
StoredAlert sample_alert() {
  StoredAlert alert;
  alert.id = "0123456789abcdeffedcba9876543210";
  alert.rule = "large";
  alert.order = sample_order();
  alert.ts = kTime;
  alert.severity = cep::Severity::kHigh;
  alert.line = R"({"format":1})";
  alert.number = 700;
  alert.timeline = 2;
  alert.stored_at = kTime;
  alert.repeat_of = 9;
  return alert;
}
SideOutputRow sample_side_output() {
  SideOutputRow row;
  row.arrival = {812, 4, 0};
  row.source = "a.ndjson";
  row.line = 300;
  row.taken_at = kTime;
  row.late_by = cep::Duration{1'500'000};
  row.reason = "not an event";
  row.text = "{}";
  row.timeline = 2;
  row.reinjected_as = 900;
  return row;
}
}  // namespace

TEST_CASE("effect formats: the bytes of every row are fixed") {
  const EndpointId endpoint{bytes_from(1)};
  std::string text = "# what | key | value\n";
  const auto add = [&](const char* what, std::string_view key, std::string_view value) {
    text += std::string(what) + " | " + hex_of(key) + " | " + hex_of(value) + "\n";
  };
  add("format", kFormatKey, encode_format({kEffectFormat, 7}));
  add("totals", kTotalsKey, encode_totals({1, 200, 3, 400, 5, 600, 7, 8}));
  add("mark without an alert", kMarkKey, encode_mark({bytes_from(2), std::nullopt, 0}));
  add("mark", kMarkKey, encode_mark({bytes_from(2), sample_order(), 700}));
  add("cause", kCauseKey, encode_cause(812));
  add("timeline", timeline_key(2),
      encode_timeline({2, bytes_from(2), bytes_from(3), 690, sample_order()}));
  add("owed to", kOwedToKey, encode_endpoints({endpoint, EndpointId{bytes_from(9)}}));
  add("endpoint", endpoint_key(endpoint), "https://example.com/…");
  std::string alert;
  ByteWriter writer(alert);
  const std::optional<AlertId> id = read_alert_id(sample_alert().id);
  REQUIRE(id);
  write_alert(writer, sample_alert(), *id);
  add("alert", alert_key(700), alert);
  std::string id_key;
  append_alert_id_key(id_key, *id, 700);
  add("alert id", id_key, "");
  add("outbox", outbox_key(endpoint, 700), encode_outbox({700, 3, kTime, 503, "busy", false, 0}));
  add("outbox of a group, dead", outbox_key(endpoint, 700),
      encode_outbox({700, 3, kTime, 0, "", true, kMessageBit | 4}));
  add("side output", side_output_key(2, {812, 4, 0}), encode_side_output(sample_side_output()));
  add("silenced", withheld_key(700, endpoint),
      encode_withheld({endpoint, WithheldKind::kSilenced, "sil_1"}));
  add("rate capped", withheld_key(700, endpoint),
      encode_withheld({endpoint, WithheldKind::kRateCapped, "", kMessageBit | 4}));
  add("grouped", withheld_key(700, endpoint),
      encode_withheld({endpoint, WithheldKind::kGrouped, "", kMessageBit | 4}));
  add("trace of an event", event_trace_key(2, {812, 4, 0}), "");
  add("trace of an alert", alert_trace_key(700), "");
  // Of topics of alerts (decision 87).
  add("format with topics of alerts", kFormatKey, encode_format({kInboxFormat, 7}));
  StoredAlert from_topic = sample_alert();
  from_topic.timeline = 0;
  from_topic.source = "kafka:alerts/3";
  from_topic.offset = 300;
  from_topic.order = {};
  from_topic.order.time = kTime;
  std::string received;
  ByteWriter received_writer(received);
  write_alert(received_writer, from_topic, *id);
  add("alert of a topic", alert_key(700), received);
  add("place of a topic", inbox_place_key("kafka:alerts/3"),
      encode_inbox_place({"kafka:alerts/3", 301, "the last message"}));
  add("dead letters of topics", kInboxDeadKey, encode_cause(4));
  tests::check_golden("effects.txt", text);
}
}  // namespace tocsin::runtime
