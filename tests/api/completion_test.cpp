#include "api/completion.h"

#include <doctest/doctest.h>

namespace tocsin::api {
namespace {
CompletionTree sample_tree() {
  CompletionOption help{{"-h", "--help"}, "Show it: all [of it]", "", false};
  CompletionOption input{{"-i", "--input"}, "Where it's read", "FILE", true};
  CompletionOption policy{{"--policy"}, "What to do", "side|clamp", false};
  CompletionOption rules{{}, "Rule files", "FILE", true};
  return {"tocsin", {help}, {{"run", "Run it", {input, policy}, {rules}}}};
}

TEST_CASE("completion: the words of a choice are split at the bars") {
  CompletionOption option;
  option.value = "auto|always|never";
  CHECK(option.choices() == std::vector<std::string>{"auto", "always", "never"});
  option.value = "FILE";
  CHECK(option.choices().empty());
}

TEST_CASE("completion: bash completes commands, options and values") {
  const std::string script = bash_completion(sample_tree());
  CHECK(script.find("'') _tocsin_reply -W 'run' ;;") != std::string::npos);
  CHECK(script.find("run) _tocsin_reply -W '-i --input --policy' ;;") != std::string::npos);
  CHECK(script.find("'run --policy') _tocsin_reply -W 'side clamp'; return ;;") !=
        std::string::npos);
  CHECK(
      script.find("'run -i' | 'run --input') compopt -o filenames; _tocsin_reply -f; return ;;") !=
      std::string::npos);
}

TEST_CASE("completion: descriptions are escaped as each shell reads them") {
  const std::string zsh = zsh_completion(sample_tree());
  CHECK(zsh.find(R"('(-h --help)--help[Show it\: all \[of it\]]')") != std::string::npos);
  CHECK(zsh.find(R"('*--input=[Where it'\''s read]:FILE:_files')") != std::string::npos);
  CHECK(zsh.find("'--policy=[What to do]:side|clamp:(side clamp)'") != std::string::npos);
  const std::string fish = fish_completion(sample_tree());
  CHECK(fish.find(R"(-s i -l input -r -F -d 'Where it\'s read')") != std::string::npos);
  CHECK(fish.find("-l policy -x -a 'side clamp' -d 'What to do'") != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
