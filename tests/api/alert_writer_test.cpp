#include "api/outbox/alert_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/shuffled_workers.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

cep::Plan plan_of_two() {
  cep::Plan plan;
  for (const cep::Status status : {cep::Status::kLive, cep::Status::kShadow}) {
    cep::Rule& rule = plan.rules.emplace_back();
    rule.name = rule.id = rule.title = status == cep::Status::kLive ? "live" : "shadow";
    rule.status = status;
  }
  return plan;
}

std::vector<cep::Alert> alerts_from(std::size_t first, std::size_t count) {
  std::vector<cep::Alert> alerts(count);
  for (std::size_t i = 0; i < count; ++i) {
    alerts[i].rule = cep::RuleIndex(i % 3 == 1 ? 1 : 0);
    alerts[i].digest = *cep::read_alert_digest(fmt::format("{:032x}", first + i));
    alerts[i].message = std::string((first + i) % 40, 'm');
  }
  return alerts;
}

// What is in the file after slices of so many alerts each, of which the first is written although
// nobody said that it would come.
std::string written_with(cep::Workers* workers, const std::vector<std::size_t>& slices) {
  const cep::Plan plan = plan_of_two();
  const std::string path = (fs::temp_directory_path() / "tocsin_alert_writer_test").string();
  auto output = OutputFile::open(path);
  REQUIRE(output);
  AlertWriter writer(plan, *output, nullptr, workers);
  std::size_t first = 0;
  for (const std::size_t count : slices) {
    const std::vector<cep::Alert> alerts = alerts_from(first, count);
    if (first != 0) writer.prepare(alerts);
    for (const cep::Alert& alert : alerts) {
      if (cep::status_of(plan, alert) == cep::Status::kLive) REQUIRE(writer.write(alert));
    }
    first += count;
  }
  REQUIRE(output->close());
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  fs::remove(path);
  return text;
}

TEST_CASE("alert writer: several workers write what one writes") {
  const std::vector<std::size_t> slices = {5, 1, 100, 0, 7, 3};
  const std::string one = written_with(nullptr, slices);
  CHECK(std::ranges::count(one, '\n') == 78);
  for (const std::uint32_t count : {1U, 2U, 3U, 16U}) {
    tests::ShuffledWorkers workers(count, count);
    CHECK(written_with(&workers, slices) == one);
    CHECK((workers.divided() > 0) == (count > 1));
  }
}
// A pipe that somebody reads.
class Pipe {
 public:
  Pipe() { REQUIRE(pipe2(ends_.data(), O_NONBLOCK) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_) close(end);
  }
  std::string path() const { return fmt::format("/dev/fd/{}", ends_[1]); }
  // The lines that are there to be read.
  std::ptrdiff_t lines() const {
    std::string text(65'536, ' ');
    const ssize_t size = read(ends_[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return std::ranges::count(text, '\n');
  }

 private:
  std::array<int, 2> ends_{};
};

TEST_CASE("alert writer: the alerts of one slice reach a pipe together, each slice at once") {
  const cep::Plan plan = plan_of_two();
  const Pipe pipe;
  auto output = OutputFile::open(pipe.path());
  REQUIRE(output);
  AlertWriter writer(plan, *output, nullptr);
  for (const std::size_t count : {5U, 1U, 2U, 6U}) {  // of 2 and 5 the last one is no live one
    const std::vector<cep::Alert> alerts = alerts_from(0, count);
    const auto is_live = [&](const cep::Alert& alert) {
      return cep::status_of(plan, alert) == cep::Status::kLive;
    };
    const std::ptrdiff_t live = std::ranges::count_if(alerts, is_live);
    writer.prepare(alerts);
    std::ptrdiff_t written = 0;
    for (const cep::Alert& alert : alerts) {
      if (!is_live(alert)) continue;
      REQUIRE(writer.write(alert));
      CHECK(pipe.lines() == (++written == live ? live : 0));
    }
  }
  const std::vector<cep::Alert> unforeseen = alerts_from(0, 1);
  REQUIRE(writer.write(unforeseen[0]));
  CHECK(pipe.lines() == 1);
}
}  // namespace
}  // namespace tocsin::api
