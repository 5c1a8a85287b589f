#!/usr/bin/env bash
# A Kafka broker on loopback for tests and benchmarks: one node, made of the published artifacts, which
# Maven fetches once (56 MB).
#   kafka_broker.sh fetch        fetches them, if they are not there
#   kafka_broker.sh run DIR PORT [NAME=VALUE…]
#                                a broker with its data in DIR, on PORT and the port after it, until it is
#                                ended; also with the properties named
#   kafka_broker.sh tool NAME [ARGUMENT…]
#                                one of Kafka's own tools: kafka-topics.sh, kafka-console-producer.sh,
#                                kafka-console-consumer.sh, kafka-consumer-groups.sh
set -euo pipefail

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
version=3.9.1
libraries="$(realpath -m "${TOCSIN_BUILD_ROOT:-$root/build}")/tools/kafka-$version"
java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xshare:auto
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$libraries/*")

die() { printf 'kafka_broker: %s\n' "$*" >&2; exit 1; }

fetch() {
  [ ! -f "$libraries/.complete" ] || return 0
  command -v java >/dev/null && command -v mvn >/dev/null || die "needs a Java runtime and Maven: ./do setup kafka"
  mkdir -p "$libraries"
  (
    flock 9  # two that fetch at a time would spoil each other
    [ ! -f "$libraries/.complete" ] || exit 0
    cat >"$libraries/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tocsin</groupId><artifactId>kafka-broker</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
POM
    mvn -q -B -f "$libraries/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libraries" \
      -DincludeScope=runtime >&2 || die "Maven could not fetch the broker"
    # One binding of SLF4J is to be left.
    rm -f "$libraries"/slf4j-reload4j-*.jar "$libraries"/slf4j-log4j12-*.jar
    format
    touch "$libraries/.complete"
  ) 9>"$libraries/.lock"
}

# An empty data folder, of which each broker gets a copy: making one takes as long as a start.
format() {
  local empty="$libraries/empty"
  rm -rf "$empty"
  mkdir -p "$empty"
  configure "$empty" 9092
  "${java[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$empty/server.properties" \
    >"$empty/format.log" 2>&1 || die "$(tail -5 "$empty/format.log")"
}

# configure DIR PORT [NAME=VALUE…]: writes DIR/server.properties. Of a name that is there twice the last counts.
configure() {
  local dir="$1" port="$2"
  shift 2
  mkdir -p "$dir/data"
  cat >"$dir/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
CONF
  if [ $# != 0 ]; then printf '%s\n' "$@" >>"$dir/server.properties"; fi
}

run() {
  local dir
  dir="$(realpath -m "$1")"
  fetch
  configure "$dir" "${@:2}"
  [ -f "$dir/data/meta.properties" ] || cp -r "$libraries/empty/data" "$dir"
  exec "${java[@]}" -Xmx512m -Xms256m kafka.Kafka "$dir/server.properties"
}

tool() {
  local class
  case "$1" in
    kafka-topics.sh) class=org.apache.kafka.tools.TopicCommand ;;
    kafka-console-producer.sh) class=kafka.tools.ConsoleProducer ;;
    kafka-console-consumer.sh) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    kafka-consumer-groups.sh) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    *) die "there is no tool: $1" ;;
  esac
  fetch
  exec "${java[@]}" "$class" "${@:2}"
}

case "${1:-}" in
  fetch) fetch ;;
  run) [ $# -ge 3 ] || die "run DIR PORT [NAME=VALUE…]"; shift; run "$@" ;;
  tool) [ $# -ge 2 ] || die "tool NAME [ARGUMENT…]"; shift; tool "$@" ;;
  *) sed -n '2,11p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
