#include "api/rest/problem.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace tocsin::api {
namespace {
TEST_CASE(
    "problem: every type has its place on the page of errors, with its status, and no other") {
  std::ifstream file(TOCSIN_SOURCE_DIR "/docs/api-errors.md");
  REQUIRE(file);
  std::set<std::string> known;
  for (const ProblemType& type : all_problem_types()) known.insert(std::string(type.slug));
  CHECK(known.size() == all_problem_types().size());
  std::set<std::string> described;
  std::string line;
  std::string heading;
  while (std::getline(file, line)) {
    if (line.starts_with("## ")) {
      heading = line.substr(3);
      described.insert(heading);
    } else if (!heading.empty() && !line.empty()) {
      for (const ProblemType& type : all_problem_types()) {
        if (type.slug != heading) continue;
        CAPTURE(heading);
        CHECK(line.starts_with(std::to_string(type.status) + ". "));
      }
      heading.clear();
    }
  }
  CHECK(described == known);
}

TEST_CASE("problem: a document has the members of its kind, and further ones") {
  const HttpResponse response =
      problem_response(ProblemKind::kConflict, "taken: \xff", {{"expected_sequence", 4}});
  CHECK(response.status == 409);
  CHECK(response.content_type == "application/problem+json");
  const auto document = nlohmann::json::parse(response.body);
  CHECK(document["type"] == "urn:tocsin:problem:conflict");
  CHECK(document["status"] == 409);
  CHECK(document["detail"] == "taken: \xef\xbf\xbd");
  CHECK(document["expected_sequence"] == 4);
}
}  // namespace
}  // namespace tocsin::api
