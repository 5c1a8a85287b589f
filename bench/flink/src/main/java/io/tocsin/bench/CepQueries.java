package io.tocsin.bench;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.apache.flink.cep.CEP;
import org.apache.flink.cep.PatternSelectFunction;
import org.apache.flink.cep.nfa.aftermatch.AfterMatchSkipStrategy;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.cep.pattern.conditions.IterativeCondition;
import org.apache.flink.cep.pattern.conditions.SimpleCondition;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;

/** The seven queries of the payments workload (bench/README.md), as patterns of flink-cep. */
final class CepQueries {
  private static final Set<String> FAR = Set.of("AQ", "BV", "GS", "HM", "IO", "SJ", "TF", "UM");

  private CepQueries() {}

  /** The name of the query and the id of the event that completed it, for each match. */
  static DataStream<String> alerts(DataStream<Event> events) {
    KeyedStream<Event, String> byCard =
        events.filter(event -> event.is("payment")).keyBy(event -> event.card);
    KeyedStream<Event, String> byAccount =
        events.filter(event -> event.account != null && !event.is("payment")).keyBy(event -> event.account);
    DataStream<String> filtered =
        events
            .filter(e -> e.is("payment") && e.amount > 5000 && FAR.contains(e.country))
            .map(event -> "Q1 " + event.id);
    return filtered.union(
        matches("Q2", byCard, velocity()),
        matches("Q3", byCard, cardTesting()),
        matches("Q4", byAccount, takeover()),
        matches("Q5", byAccount, absence()),
        matches("Q6", byCard, travel()),
        matches("Q7", byCard, escalation()));
  }

  private static DataStream<String> matches(
      String name, KeyedStream<Event, String> events, Pattern<Event, ?> pattern) {
    PatternSelectFunction<Event, String> last =
        match -> {
          Event newest = null;
          for (List<Event> step : match.values()) newest = step.get(step.size() - 1);
          return name + ' ' + newest.id;
        };
    return CEP.pattern(events, pattern).inEventTime().select(last);
  }

  private static Pattern<Event, ?> velocity() {
    return Pattern.<Event>begin("all", AfterMatchSkipStrategy.noSkip())
        .times(6)
        .consecutive()
        .within(Duration.ofMinutes(10));
  }

  private static Pattern<Event, ?> cardTesting() {
    return Pattern.<Event>begin("small", AfterMatchSkipStrategy.skipPastLastEvent())
        .where(SimpleCondition.of(event -> event.amount < 2))
        .timesOrMore(3)
        .followedBy("large")
        .where(SimpleCondition.of(event -> event.amount > 200))
        .within(Duration.ofMinutes(10));
  }

  private static Pattern<Event, ?> takeover() {
    return Pattern.<Event>begin("failed", AfterMatchSkipStrategy.skipPastLastEvent())
        .where(SimpleCondition.of(event -> event.is("login") && !event.ok))
        .times(3)
        .followedBy("login")
        .where(SimpleCondition.of(event -> event.is("login") && event.ok))
        .followedBy("change")
        .where(SimpleCondition.of(event -> event.is("password_change")))
        .followedBy("transfer")
        .where(SimpleCondition.of(event -> event.is("transfer") && event.amount > 1000))
        .within(Duration.ofHours(1));
  }

  private static Pattern<Event, ?> absence() {
    return Pattern.<Event>begin("transfer", AfterMatchSkipStrategy.noSkip())
        .where(SimpleCondition.of(event -> event.is("transfer") && event.amount > 1000))
        .notFollowedBy("confirmation")
        .where(SimpleCondition.of(event -> event.is("otp_ok")))
        .within(Duration.ofMinutes(5));
  }

  private static Pattern<Event, ?> travel() {
    return Pattern.<Event>begin("first", AfterMatchSkipStrategy.noSkip())
        .where(SimpleCondition.of(event -> event.channel.equals("pos")))
        .next("second")
        .where(
            new Compared("first") {
              @Override
              boolean holds(Event before, Event event) {
                return event.channel.equals("pos") && !event.country.equals(before.country);
              }
            })
        .within(Duration.ofMinutes(30));
  }

  private static Pattern<Event, ?> escalation() {
    return Pattern.<Event>begin("first", AfterMatchSkipStrategy.noSkip())
        .next("second")
        .where(new Doubled("first"))
        .next("third")
        .where(new Doubled("second"))
        .within(Duration.ofHours(1));
  }

  /** Compares with the event of an earlier step. */
  private abstract static class Compared extends IterativeCondition<Event> {
    private static final long serialVersionUID = 1;
    private final String step;

    Compared(String step) {
      this.step = step;
    }

    abstract boolean holds(Event before, Event event);

    @Override
    public boolean filter(Event event, Context<Event> context) throws Exception {
      for (Event before : context.getEventsForPattern(step)) {
        return holds(before, event);
      }
      return false;
    }
  }

  private static final class Doubled extends Compared {
    private static final long serialVersionUID = 1;

    Doubled(String step) {
      super(step);
    }

    @Override
    boolean holds(Event before, Event event) {
      return event.amount > 2 * before.amount;
    }
  }
}
