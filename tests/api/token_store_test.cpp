#include "api/rest/token_store.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
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
  CHECK(before->find(admin, {})->name == "ann");
  CHECK(before->tokens().size() == 2);
  CHECK(*(*store)->remove("till"));
  CHECK_FALSE(*(*store)->remove("till"));
  CHECK((*store)->remove("ann").error().code == Errc::kConflict);
  CHECK(before->tokens().size() == 2);  // as it was
  CHECK((*store)->list()->tokens().size() == 1);
}

TEST_CASE(
    "token store: ends, rotations and last uses outlive it; uses are written once in a while") {
  const Folder folder;
  const std::string file = folder.path + "/tokens.json";
  const cep::EventTime now{1'800'000'000'000'000};
  const cep::EventTime end = now + cep::Duration{60'000'000};
  std::string first, second;
  const auto writes = [&] {
    std::error_code error;
    const auto at = std::filesystem::last_write_time(folder.path + "/tokens-used.json", error);
    return error ? std::filesystem::file_time_type::min() : at;
  };
  {
    const auto store = *TokenStore::open(file);
    REQUIRE(store->add(TokenGrant{"ann", Role::kAdmin, {}, {}}));
    REQUIRE(store->add(TokenGrant{"temp", Role::kAdmin, {}, end}));
    first = *store->add(TokenGrant{"till", Role::kProducer, {}, {}});
    second = *store->rotate("till", end);
    CHECK(store->rotate("nobody", end).error().code == Errc::kNotFound);
    // An admin that expires does not stand in for the last one.
    CHECK(store->remove("ann").error().code == Errc::kConflict);
    CHECK_FALSE(store->last_use("till"));
    store->used("till", now);
    const auto written = writes();
    CHECK(written != std::filesystem::file_time_type::min());
    for (int i = 1; i < 1000; ++i) store->used("till", now + cep::Duration{i * 1'000LL});
    CHECK(writes() == written);
  }
  const auto store = *TokenStore::open(file);
  CHECK(store->list()->find(first, now)->name == "till");
  CHECK(store->list()->find(first, end).error().code == Errc::kNotFound);
  CHECK(store->list()->find(second, end)->role == Role::kProducer);
  CHECK(store->list()->tokens()[1].grant.expires_at == end);
  CHECK(store->last_use("till") == now + cep::Duration{999'000});
  REQUIRE(*store->remove("till"));
  CHECK_FALSE(store->last_use("till"));
  for (const char* const more : {R"("expires_at":"soon")", R"("sha256_before":"00")"}) {
    std::ofstream(file) << R"({"tokens":[{"name":"a","role":"admin","sha256":")"
                        << std::string(64, '0') << "\"," << more << "}]}";
    CHECK(TokenStore::open(file).error().code == Errc::kCorrupt);
  }
}

TEST_CASE(
    "token store: a file with a token that expires has a format that earlier versions refuse") {
  const Folder folder;
  const std::string file = folder.path + "/tokens.json";
  const auto text = [&] {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  };
  const auto store = *TokenStore::open(file);
  REQUIRE(store->add(TokenGrant{"ann", Role::kAdmin}));
  CHECK(text().find("\"format\": 1,") != std::string::npos);
  REQUIRE(store->add(TokenGrant{"temp", Role::kReader, {}, cep::EventTime{1}}));
  CHECK(text().find("\"format\": 2,") != std::string::npos);
  CHECK(TokenStore::open(file));
  REQUIRE(*store->remove("temp"));
  CHECK(text().find("\"format\": 1,") != std::string::npos);
  std::ofstream(file) << R"({"format":3,"tokens":[]})";
  CHECK(TokenStore::open(file).error().code == Errc::kOtherVersion);
}

TEST_CASE("token store: limits outlive it; an empty list, which would be no limit, is refused") {
  const Folder folder;
  const std::string file = folder.path + "/tokens.json";
  std::string cards;
  {
    const auto store = *TokenStore::open(file);
    REQUIRE(store->add(TokenGrant{"ann", Role::kAdmin}));
    REQUIRE(store->add(TokenGrant{"bob", Role::kAdmin, {}, {}, {{"card"}, {}}}));
    cards =
        *store->add(TokenGrant{"cards", Role::kReader, {}, {}, {{"card", "ecom"}, {"payment"}}});
    // An admin with limits does not stand in for the last one.
    CHECK(store->remove("ann").error().code == Errc::kConflict);
  }
  const auto store = *TokenStore::open(file);
  const TokenGrant grant = *store->list()->find(cards, {});
  CHECK(grant.scope.text() == "the tags card, ecom and the type payment");
  CHECK(grant.scope.has_tag_of({"other", "ecom"}));
  CHECK_FALSE(grant.scope.has_tag_of({"other"}));
  CHECK_FALSE(grant.scope.has_tag_of({}));
  CHECK(TokenScope{}.has_tag_of({}));
  std::ifstream in(file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  CHECK(text.find("\"format\": 2,") != std::string::npos);
  for (const char* const more : {R"("tags":[])", R"("types":"payment")", R"("tags":[1])"}) {
    std::ofstream(file) << R"({"tokens":[{"name":"a","role":"admin","sha256":")"
                        << std::string(64, '0') << "\"," << more << "}]}";
    CHECK(TokenStore::open(file).error().code == Errc::kCorrupt);
  }
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
