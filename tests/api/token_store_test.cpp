#include "api/rest/token_store.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tocsin::api {
namespace {
struct Folder {
  Folder() {
    path = (std::filesystem::temp_directory_path() / "tocsin-tokens-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST_CASE("token store: tokens outlive it, as digests, in a file of one's own") {
  const Folder folder;
  const std::string file = folder.path + "/tokens.json";
  std::string admin;
  {
    const auto store = TokenStore::open(file);
    REQUIRE(store);
    CHECK((*store)->list()->tokens().empty());
    admin = *(*store)->add(TokenGrant{"ann", Role::kAdmin});
    REQUIRE((*store)->add(TokenGrant{"till", Role::kProducer}));
    CHECK((*store)->add(TokenGrant{"till", Role::kReader}).error().code == Errc::kInvalidArgument);
    CHECK((*store)->add(TokenGrant{"a b", Role::kReader}).error().code == Errc::kInvalidArgument);
    CHECK((*store)->add(TokenGrant{"", Role::kReader}).error().code == Errc::kInvalidArgument);
  }
  struct stat status = {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const auto store = TokenStore::open(file);
  REQUIRE_MESSAGE(store, store.error().message);
  const auto before = (*store)->list();
  CHECK(before->find(admin)->name == "ann");
  CHECK(before->tokens().size() == 2);
  CHECK(*(*store)->remove("till"));
  CHECK_FALSE(*(*store)->remove("till"));
  CHECK((*store)->remove("ann").error().code == Errc::kConflict);
  CHECK(before->tokens().size() == 2);  // as it was
  CHECK((*store)->list()->tokens().size() == 1);
}

TEST_CASE("token store: a file that is none is refused, with the remedy") {
  const Folder folder;
  const std::string file = folder.path + "/tokens.json";
  for (const char* const text : {"", "{}", "[]", R"({"tokens":[1]})",
                                 R"({"tokens":[{"name":"a","role":"king","sha256":""}]})",
                                 R"({"tokens":[{"name":"a","role":"admin","sha256":"00"}]})"}) {
    CAPTURE(text);
    std::ofstream(file) << text;
    const auto store = TokenStore::open(file);
    REQUIRE_FALSE(store);
    CHECK(store.error().code == Errc::kCorrupt);
    CHECK(store.error().message.find(file) != std::string::npos);
  }
}
}  // namespace
}  // namespace tocsin::api
