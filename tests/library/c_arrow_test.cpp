// Record batches through the C interface.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/library/handles.h"
#include "tests/support/arrow_batch.h"

namespace tocsin::library {
namespace {
using tests::ArrowBatch;
using tests::ArrowCell;
using tests::ArrowColumnSource;

constexpr const char* kArrowRules = R"(
event payment {
  ts: time up to 2s late, id: string id, card: string, amount: decimal(2), place: string? from "merchant.place"
}
event login { ts: time, user: string, ok: bool, tries: int?, score: float?, day: date?, took: duration?, kind: enum(web, app)? }
rule large "A large payment" {
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card} in {p.place}"
}
rule refused "Refused" {
  by user
  when login as l where not ok
  alert "{l.tries} {l.score} {l.day} {l.took} {l.kind}"
}
)";
constexpr std::int64_t kArrowStart = 1'772'452'800'000'000;  // 2026-03-02T12:00:00Z

ArrowColumnSource column(std::string name, std::string format, std::vector<ArrowCell> cells) {
  return {std::move(name), std::move(format), std::move(cells)};
}
ArrowColumnSource texts(std::string name, std::string format,
                        const std::vector<std::string>& values) {
  ArrowColumnSource made{std::move(name), std::move(format), {}};
  for (const std::string& value : values) made.cells.push_back(ArrowCell::of_text(value));
  return made;
}
ArrowColumnSource numbers(std::string name, std::string format,
                          const std::vector<std::int64_t>& values) {
  ArrowColumnSource made{std::move(name), std::move(format), {}};
  for (const std::int64_t value : values) made.cells.push_back(ArrowCell::of(value));
  return made;
}
std::vector<ArrowColumnSource> some_payment_columns() {
  ArrowColumnSource merchant{"merchant", "+s", {ArrowCell::of(0), {}, ArrowCell::of(0)}};
  merchant.children = {texts("place", "vu", {"a place with a long name", "x", "y"})};
  return {numbers("ts", "tsm:UTC",
                  {kArrowStart / 1000, kArrowStart / 1000 + 1, kArrowStart / 1000 + 2}),
          texts("id", "u", {"p1", "p2", "p3"}), texts("card", "U", {"c1", "c2", "c1"}),
          numbers("amount", "d:10,2", {10'050, 20'000, 5'000}), merchant};
}

class Columns {
 public:
  explicit Columns(const char* options = R"({"out_of_orderness":"1s"})")
      : pack_(kArrowRules), run_(pack_, options) {}
  Run& run() { return run_; }
  tocsin_status push(ArrowBatch& batch, const char* type, std::int64_t first = 0) {
    return tocsin_run_push_arrow(run_.get(), run_.source("a"), type, &batch.schema(),
                                 &batch.array(), first, &taken, run_.why.set());
  }
  std::string finish() {
    REQUIRE(tocsin_run_finish(run_.get(), 1, run_.why.set()) == TOCSIN_OK);
    return run_.take();
  }
  std::int64_t taken = -1;

 private:
  Pack pack_;
  Run run_;
};

// What the same run gives for these lines.
std::string alerts_of(std::string_view lines) {
  Columns same;
  REQUIRE(same.run().push(same.run().source("a"), lines) == TOCSIN_OK);
  return same.finish();
}
std::string text_at(const ArrowArray& of, std::int64_t row) {
  const auto* const ends = static_cast<const std::int32_t*>(of.buffers[1]);
  return {static_cast<const char*>(of.buffers[2]) + ends[row],
          static_cast<std::size_t>(ends[row + 1] - ends[row])};
}

TEST_CASE("c arrow: rows are the events of their lines") {
  Columns columns;
  ArrowBatch batch(some_payment_columns(), 2);
  REQUIRE_MESSAGE(columns.push(batch, "payment") == TOCSIN_OK, columns.run().why.message());
  CHECK(columns.taken == 3);
  CHECK((batch.schema().release != nullptr));  // they remain the caller's
  CHECK((batch.array().release != nullptr));
  const std::string found = columns.finish();
  CHECK(
      found ==
      alerts_of(
          R"({"type":"payment","ts":"2026-03-02T12:00:00Z","id":"p1","card":"c1","amount":100.50,"merchant":{"place":"a place with a long name"}})"
          "\n"
          R"({"type":"payment","ts":"2026-03-02T12:00:00.001Z","id":"p2","card":"c2","amount":200.00})"
          "\n"
          R"({"type":"payment","ts":"2026-03-02T12:00:00.002Z","id":"p3","card":"c1","amount":50.00,"merchant":{"place":"y"}})"
          "\n"));
  CHECK(lines_in(found) == 2);
  CHECK(found.find("100.50 on card c1 in a place with a long name") != std::string::npos);
}

TEST_CASE("c arrow: types of columns, nulls and dictionaries") {
  Columns columns;
  ArrowColumnSource types = texts("type", "u", {"login", "login", "login", "login"});
  types.is_dictionary = true;
  ArrowColumnSource kinds = texts("kind", "u", {"web", "app", "fax", "web"});
  kinds.is_dictionary = true;
  ArrowBatch batch(
      {types,
       numbers("ts", "tsn:",
               {kArrowStart * 1000 + 999, kArrowStart * 1000 + 1'000, kArrowStart * 1000 + 2'000,
                kArrowStart * 1000 + 3'000}),
       texts("user", "u", {"ann", "bob", "cid", "dan"}), numbers("ok", "b", {0, 0, 0, 1}),
       column("tries", "g",
              {ArrowCell::of_real(3),
               ArrowCell::of_real(2.5),
               ArrowCell::of_real(std::numeric_limits<double>::quiet_NaN()),
               {}}),
       column("score", "f", {ArrowCell::of_real(0.5), {}, ArrowCell::of_real(-0.0), {}}),
       numbers("day", "tdD", {20'000, -1, 0, 1}), numbers("took", "tDm", {1'500, -3, 0, 1}),
       kinds});
  REQUIRE_MESSAGE(columns.push(batch, nullptr) == TOCSIN_OK, columns.run().why.message());
  const std::string found = columns.finish();
  CHECK(
      found ==
      alerts_of(
          R"({"type":"login","ts":"2026-03-02T12:00:00Z","user":"ann","ok":false,"tries":3,"score":0.5,"day":"2024-10-04","took":1500000,"kind":"web"})"
          "\n"
          R"({"type":"login","ts":"2026-03-02T12:00:00.000001Z","user":"bob","ok":false,"tries":2.5,"day":"1969-12-31","took":-3000,"kind":"app"})"
          "\n"
          R"({"type":"login","ts":"2026-03-02T12:00:00.000002Z","user":"cid","ok":false,"score":0,"day":"1970-01-01","took":0,"kind":"fax"})"
          "\n"));
  CHECK(lines_in(found) == 3);
  const nlohmann::json statistics = columns.run().statistics();
  CHECK(statistics["events"] == 4);
  CHECK(statistics["fields_missing"] == 2);  // 2.5 is no int, and no login is by fax
}

TEST_CASE("c arrow: a row that is no event is rejected, and no other") {
  Columns columns(R"({"out_of_orderness":"1s","unknown_types":"dead"})");
  ArrowColumnSource types = texts("type", "u", {"payment", "refund", "payment", "payment", ""});
  types.cells.back() = {};
  ArrowColumnSource times =
      numbers("ts", "tsu:", {kArrowStart, kArrowStart, 0, kArrowStart, kArrowStart});
  times.cells[2] = {};
  ArrowBatch batch({types, times, texts("id", "u", {"p1", "r1", "p2", "p\xff", "q"}),
                    texts("card", "u", {"c1", "c1", "c1", "c1", "c1"}),
                    numbers("amount", "l", {500, 500, 500, 500, 500})});
  REQUIRE_MESSAGE(columns.push(batch, "") == TOCSIN_OK, columns.run().why.message());
  CHECK(lines_in(columns.finish()) == 1);
  const std::string rejected = columns.run().take(TOCSIN_REJECTED);
  CHECK(lines_in(rejected) == 4);
  CHECK(rejected.find(R"("line":2,"reason":"no rule file declares)") != std::string::npos);
  CHECK(
      rejected.find(
          R"("line":3,"reason":"no event time `ts` of `payment`","text":"{\"type\":\"payment\",\"id\":\"p2\",\"card\":\"c1\",\"amount\":500}")") !=
      std::string::npos);
  CHECK(rejected.find(R"("line":4,"reason":"not valid UTF-8")") != std::string::npos);
  CHECK(rejected.find(R"("line":5,"reason":"no `type`")") != std::string::npos);
  INFO(rejected);
  CHECK(columns.run().statistics()["rejected"] == 4);
}

TEST_CASE("c arrow: a schema that does not fit names the column, both types and the remedy") {
  const auto error_of = [](std::vector<ArrowColumnSource> made, const char* type) {
    Columns columns;
    ArrowBatch batch(made);
    CHECK(columns.push(batch, type) == TOCSIN_INVALID_ARGUMENT);
    CHECK(columns.taken == 0);
    // The run goes on.
    ArrowBatch good(some_payment_columns());
    CHECK(columns.push(good, "payment") == TOCSIN_OK);
    return std::string(columns.run().why.is_set() ? columns.run().why.message() : "");
  };
  const auto message_of = [](std::vector<ArrowColumnSource> made, const char* type) {
    Columns columns;
    ArrowBatch batch(made);
    CHECK(columns.push(batch, type) == TOCSIN_INVALID_ARGUMENT);
    return columns.run().why.message();
  };
  std::vector<ArrowColumnSource> made = some_payment_columns();
  made[3] = texts("amount", "u", {"1", "2", "3"});
  CHECK(error_of(made, "payment").empty());
  CHECK(message_of(made, "payment") ==
        "the column `amount` is utf8, and `payment.amount` is decimal(2): cast the column to "
        "decimal128(18, 2), or declare the field as what the column has");
  made.erase(made.begin() + 3);
  CHECK(message_of(made, "payment") ==
        "the record batch has no column `amount`, and `payment.amount` is decimal(2): add the "
        "column, or declare the field `decimal(2)?`");
  made = some_payment_columns();
  made[4] = texts("merchant", "u", {"a", "b", "c"});
  CHECK(
      message_of(made, "payment")
          .starts_with(
              "the column `merchant` is utf8, and `payment.place` is read from `merchant.place`"));
  CHECK(
      message_of(some_payment_columns(), "").starts_with("the record batch has no column `type`"));
  made = some_payment_columns();
  made.push_back(numbers("type", "l", {1, 2, 3}));
  CHECK(message_of(made, nullptr).starts_with("the column `type` is int64"));
}

TEST_CASE("c arrow: what is damaged is refused") {
  const auto status_of = [](auto&& damage) {
    Columns columns;
    ArrowBatch batch(some_payment_columns());
    damage(batch);
    const tocsin_status status = columns.push(batch, "payment");
    CHECK(columns.taken == 0);
    return status;
  };
  CHECK(status_of([](ArrowBatch& batch) { batch.array().release = nullptr; }) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(status_of([](ArrowBatch& batch) { batch.schema().format = "u"; }) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(status_of([](ArrowBatch& batch) { batch.array().length = -1; }) == TOCSIN_INVALID_ARGUMENT);
  CHECK(status_of([](ArrowBatch& batch) { ++batch.array().length; }) == TOCSIN_CORRUPT);
  CHECK(status_of([](ArrowBatch& batch) { --batch.array().n_children; }) == TOCSIN_CORRUPT);
  CHECK(status_of([](ArrowBatch& batch) { batch.array().children[1] = nullptr; }) ==
        TOCSIN_CORRUPT);
  CHECK(status_of([](ArrowBatch& batch) { batch.array().children[0]->n_buffers = 1; }) ==
        TOCSIN_CORRUPT);
  CHECK(status_of([](ArrowBatch& batch) { batch.array().children[0]->buffers[1] = nullptr; }) ==
        TOCSIN_CORRUPT);
  CHECK(status_of([](ArrowBatch& batch) {
          const std::int32_t bad = 100;
          std::memcpy(const_cast<void*>(batch.array().children[1]->buffers[1]), &bad,
                      sizeof bad);  // NOLINT
        }) == TOCSIN_CORRUPT);
  CHECK(status_of([](ArrowBatch& batch) {
          const std::int32_t bad = 1'000;  // where a long text of the views is
          ArrowArray& place = *batch.array().children[4]->children[0];
          std::memcpy(static_cast<char*>(const_cast<void*>(place.buffers[1])) + 12, &bad,
                      sizeof bad);  // NOLINT
        }) == TOCSIN_CORRUPT);
  Columns columns;
  ArrowBatch batch(some_payment_columns());
  CHECK(columns.push(batch, "payment", 4) == TOCSIN_INVALID_ARGUMENT);
  CHECK(columns.push(batch, "payment", -1) == TOCSIN_INVALID_ARGUMENT);
  CHECK(columns.push(batch, "payment", 3) == TOCSIN_OK);
  CHECK(columns.taken == 0);
  // A source has one form.
  CHECK(columns.run().push(columns.run().source("a"), "{}\n") == TOCSIN_WRONG_STATE);
  CHECK(columns.run().push(columns.run().source("b"), "{}\n") == TOCSIN_OK);
}

TEST_CASE("c arrow: what does not fit is pushed later") {
  Columns columns(R"({"out_of_orderness":"1h","reorder_bytes_max":1,"jump_max":null})");
  std::vector<ArrowColumnSource> many = some_payment_columns();
  many.pop_back();
  for (ArrowColumnSource& one : many) {
    for (int i = 0; i < 10'000; ++i)
      one.cells.push_back(one.cells[static_cast<std::size_t>(i % 3)]);
  }
  ArrowBatch batch(many);
  REQUIRE(columns.push(batch, "payment") == TOCSIN_LIMIT);
  const std::int64_t first = columns.taken;
  CHECK(first > 0);
  REQUIRE(tocsin_run_advance(columns.run().get(), kArrowStart, columns.run().why.set()) ==
          TOCSIN_OK);
  std::int64_t at = first;
  while (columns.push(batch, "payment", at) == TOCSIN_LIMIT) {
    at += columns.taken;
    REQUIRE(tocsin_run_advance(columns.run().get(), kArrowStart + at, columns.run().why.set()) ==
            TOCSIN_OK);
  }
  CHECK(at + columns.taken == batch.array().length);
  CHECK(columns.run().statistics()["lines"] == batch.array().length);
}

TEST_CASE("c arrow: alerts as a record batch") {
  Columns columns(R"({"out_of_orderness":"1s","alerts":"arrow"})");
  ArrowBatch batch(some_payment_columns());
  REQUIRE(columns.push(batch, "payment") == TOCSIN_OK);
  Run& run = columns.run();
  REQUIRE(tocsin_run_finish(run.get(), 1, run.why.set()) == TOCSIN_OK);
  CHECK(run.statistics()["output_bytes"] > 100);
  ArrowSchema schema;
  ArrowArray alerts;
  REQUIRE(tocsin_run_take_arrow(run.get(), &schema, &alerts, run.why.set()) == TOCSIN_OK);
  REQUIRE(alerts.length == 2);
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < schema.n_children; ++i) names.emplace_back(schema.children[i]->name);
  CHECK(names == std::vector<std::string>{"id", "rule", "title", "severity", "status", "key",
                                          "time", "score", "message", "event_ids", "json"});
  CHECK(text_at(*alerts.children[1], 0).ends_with("large"));
  CHECK(text_at(*alerts.children[2], 1) == "A large payment");
  CHECK(text_at(*alerts.children[5], 1) == "c2");
  CHECK(static_cast<const std::int64_t*>(alerts.children[6]->buffers[1])[1] == kArrowStart + 1'000);
  CHECK(text_at(*alerts.children[9]->children[0], 1) == "p2");
  std::string lines;
  for (std::int64_t row = 0; row < alerts.length; ++row)
    lines += text_at(*alerts.children[10], row) + "\n";
  Columns same;
  ArrowBatch again(some_payment_columns());
  REQUIRE(same.push(again, "payment") == TOCSIN_OK);
  CHECK(same.finish() == lines);
  // A child may be moved out, and outlives the rest.
  ArrowArray messages = *alerts.children[8];
  alerts.children[8]->release = nullptr;
  alerts.release(&alerts);
  CHECK((alerts.release == nullptr));
  schema.release(&schema);
  CHECK(text_at(messages, 1) == "200.00 on card c2 in missing");
  messages.release(&messages);
  // There is none any more, and lines are none of this run's.
  REQUIRE(tocsin_run_take_arrow(run.get(), &schema, &alerts, run.why.set()) == TOCSIN_OK);
  CHECK(alerts.length == 0);
  alerts.release(&alerts);
  schema.release(&schema);
  CHECK(run.statistics()["output_bytes"] == 0);
  Text text;
  CHECK(tocsin_run_take(run.get(), TOCSIN_ALERTS, text.get(), run.why.set()) == TOCSIN_WRONG_STATE);
  CHECK(tocsin_run_take(run.get(), TOCSIN_LATE, text.get(), run.why.set()) == TOCSIN_OK);
  CHECK(tocsin_run_take_arrow(same.run().get(), &schema, &alerts, run.why.set()) ==
        TOCSIN_WRONG_STATE);
  CHECK(tocsin_run_take_arrow(run.get(), nullptr, &alerts, run.why.set()) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_take_arrow(run.get(), &schema, nullptr, run.why.set()) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_push_arrow(run.get(), 0, "", nullptr, &batch.array(), 0, nullptr,
                              run.why.set()) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_run_push_arrow(run.get(), 9, "", &batch.schema(), &batch.array(), 0, nullptr,
                              run.why.set()) == TOCSIN_INVALID_ARGUMENT);
}
}  // namespace
}  // namespace tocsin::library
