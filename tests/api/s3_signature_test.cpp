// Requests to S3: signatures as AWS documents them, credentials, places, and answers in XML.
#include "api/backup/s3_signature.h"

#include <doctest/doctest.h>

#include <string>

#include "api/backup/backup_place.h"
#include "api/backup/s3_answer.h"
#include "api/backup/s3_credentials.h"
#include "cep/base/percent_encoded.h"

namespace tocsin::tests {
namespace {
using namespace api;

// "Authenticating Requests: Using the Authorization Header" of the S3 API reference.
std::string signature_of(const S3Request& request) {
  const S3Credentials credentials{"AKIAIOSFODNN7EXAMPLE",
                                  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const auto headers = s3_signed(request, "examplebucket.s3.amazonaws.com", "us-east-1",
                                 credentials, *cep::parse_time("2013-05-24T00:00:00Z"));
  REQUIRE(headers.back().name == "Authorization");
  const std::string& value = headers.back().value;
  CHECK(
      value.starts_with("AWS4-HMAC-SHA256 "
                        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                        "SignedHeaders="));
  return value.substr(value.find("Signature=") + 10);
}

TEST_CASE("s3 signature: the examples of the documentation") {
  CHECK(signature_of({"GET", "/test.txt", {}, {{"Range", "bytes=0-9"}}}) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(signature_of({"PUT",
                      "/" + percent_encoded("test$file.text", "/"),
                      {},
                      {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                      "Welcome to Amazon S3."}) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(signature_of({"GET", "/", {{"lifecycle", ""}}}) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(signature_of({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}}) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("s3 signature: a session's token is signed with the rest") {
  const S3Credentials credentials{"AKIA", "secret", "to/ken="};
  const auto headers = s3_signed({"GET", "/"}, "host", "us-east-1", credentials, {});
  CHECK(headers[2].name == "x-amz-security-token");
  CHECK(headers[2].value == "to/ken=");
  CHECK(headers.back().value.find("x-amz-date;x-amz-security-token,") != std::string::npos);
  for (const HttpHeader& header : headers) CHECK(header.value.find("secret") == std::string::npos);
}

TEST_CASE("s3 signature: targets are encoded as they are signed") {
  const S3Request request{
      "GET", "/b/" + percent_encoded("a b/ä+~", "/"), {{"x", "1/2"}, {"a", ""}}};
  CHECK(s3_target(request) == "/b/a%20b/%C3%A4%2B~?a=&x=1%2F2");
}

std::string credentials_of(const std::string& text) {
  const auto found = parse_s3_credentials(text, "FILE");
  if (!found) return found.error().message;
  return found->key_id + "|" + found->secret + "|" + found->token;
}

TEST_CASE("s3 credentials: both usual forms, and nothing of them in a message") {
  CHECK(credentials_of("# of backups\nAWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=s+/=\n") ==
        "AK|s+/=|");
  CHECK(credentials_of("[default]\r\naws_access_key_id = AK\r\naws_secret_access_key = S\r\n"
                       "aws_session_token = T") == "AK|S|T");
  CHECK(credentials_of("AWS_ACCESS_KEY_ID=AK\n") == "FILE has no AWS_SECRET_ACCESS_KEY");
  CHECK(credentials_of("") == "FILE has no AWS_ACCESS_KEY_ID");
  CHECK(credentials_of("AWS_ACCESS_KEY_ID=AK\nhush\n") ==
        "FILE, line 2: a line is AWS_ACCESS_KEY_ID=…, AWS_SECRET_ACCESS_KEY=… or "
        "AWS_SESSION_TOKEN=…");
  CHECK(credentials_of("[a]\nAWS_ACCESS_KEY_ID=AK\n[b]\n").starts_with("FILE, line 3: a second"));
  CHECK(credentials_of("AWS_ACCESS_KEY_ID=AK\nAWS_ACCESS_KEY_ID=hush") ==
        "FILE, line 2: AWS_ACCESS_KEY_ID is there twice");
  CHECK(credentials_of("AWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=hu sh") ==
        "FILE has credentials with blanks or other characters that none has");
}

std::string place_of(const std::string& to, const OptionValues& options = {}) {
  Configuration configuration(s3_settings());
  REQUIRE(configuration.set_options(options));
  const auto place = s3_place(to, configuration);
  if (!place) return place.error().message;
  return place->bucket + "|" + place->prefix + "|" + place->endpoint.text() + "|" + place->region;
}

TEST_CASE("s3 place: bucket and prefix, endpoint and region") {
  CHECK(place_of("s3://bank") == "bank||https://s3.us-east-1.amazonaws.com/|us-east-1");
  CHECK(place_of("s3://bank/a/b c/", {{"--backups-s3-region", "eu-central-1"}}) ==
        "bank|a/b c/|https://s3.eu-central-1.amazonaws.com/|eu-central-1");
  CHECK(place_of("s3://bank/a", {{"--backups-s3-endpoint", "http://10.0.0.1:9000"}}) ==
        "bank|a/|http://10.0.0.1:9000/|us-east-1");
  for (const char* to : {"s3://", "s3:///a", "s3://b", "s3://ban?k", "s3://bank/a//b",
                         "s3://bank/../b", "s3://bank/a/.", "s3://bank/\n"}) {
    CHECK(place_of(to).starts_with(std::string(to) + ": "));
  }
  CHECK(place_of("s3://bank", {{"--backups-s3-endpoint", "minio:9000"}})
            .starts_with("backups.s3_endpoint: "));
  CHECK(place_of("s3://bank", {{"--backups-s3-endpoint", "http://h/s3"}})
            .starts_with("backups.s3_endpoint is http://HOST"));
  CHECK(place_of("s3://bank", {{"--backups-s3-region", "Frankfurt!"}})
            .starts_with("backups.s3_region is a name"));
  const Configuration standard(s3_settings());
  CHECK(check_backup_place("/mnt/backups", standard));
  CHECK_FALSE(check_backup_place("https://bank.example.com", standard));
}

TEST_CASE("s3 answers: texts, and pages of objects") {
  CHECK(s3_text("<Error><Code>NoSuchKey</Code><Message>a &lt; &#228;&#x20AC; &amp;&bad; &</Message>"
                "</Error>",
                "Message") == "a < ä€ &&bad; &");
  CHECK(s3_text("<a>1", "a").empty());
  const std::string begin = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\">";
  const auto page = parse_s3_page(
      begin +
      "<Prefix>p</Prefix><Contents><Key>p/a&amp;b</Key><Size>12</Size></Contents>"
      "<Contents><Size>0</Size><Key>p/c</Key></Contents><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t</NextContinuationToken></ListBucketResult>");
  REQUIRE(page);
  CHECK(page->next == "t");
  REQUIRE(page->objects.size() == 2);
  CHECK(page->objects[0].name == "p/a&b");
  CHECK(page->objects[0].bytes == 12);
  CHECK(page->objects[1].bytes == 0);
  for (const char* bad : {"", "<Contents><Size>1</Size></Contents></ListBucketResult>",
                          "<Contents><Key>a</Key><Size>1x</Size></Contents></ListBucketResult>",
                          "<IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    const auto damaged = parse_s3_page(begin + bad);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == Errc::kCorrupt);
  }
  CHECK_FALSE(parse_s3_page("<html></html>"));
}
}  // namespace
}  // namespace tocsin::tests
