package io.tocsin.bench;

import com.sun.management.OperatingSystemMXBean;
import io.tocsin.flink.Line;
import io.tocsin.flink.Rules;
import io.tocsin.flink.Tocsin;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.Collector;

/**
 * The seven queries of the payments workload in a job inside this process, with one slot: as
 * patterns of flink-cep, or as rules by the operators of Tocsin.
 *
 * <p>Arguments: the file of events, the rules, how many events are a message, and the job: cep or
 * tocsin. Prints one line of JSON: alerts by query, and the process's CPU seconds without those of
 * reading the file.
 */
public final class Bench {
  private static final Pattern RULE = Pattern.compile("\"rule\":\"[^\"]*?([qQ]\\d)");

  private Bench() {}

  public static void main(String[] args) throws Exception {
    Messages.load(Path.of(args[0]), Integer.parseInt(args[2]));
    long before = cpuNanos();
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1);
    env.getConfig().enableObjectReuse();
    DataStream<String> alerts =
        args[3].equals("cep") ? cep(env) : tocsin(env, Rules.read(Path.of(args[1])));
    Map<String, Integer> counts = count(alerts);
    double seconds = (cpuNanos() - before) / 1e9;
    StringBuilder byQuery = new StringBuilder();
    counts.forEach(
        (query, count) ->
            byQuery.append(byQuery.isEmpty() ? "" : ",").append('"' + query + "\":" + count));
    System.out.printf("{\"alerts\":{%s},\"cpu_s\":%.3f}%n", byQuery, seconds);
  }

  // What stands before the first blank names the query, where it is no line of JSON.
  private static Map<String, Integer> count(DataStream<String> stream) throws Exception {
    Map<String, Integer> counts = new TreeMap<>();
    try (CloseableIterator<String> alerts = stream.executeAndCollect()) {
      while (alerts.hasNext()) {
        String alert = alerts.next();
        Matcher rule = RULE.matcher(alert);
        String query = rule.find() ? rule.group(1) : alert.substring(0, alert.indexOf(' '));
        counts.merge(query.toUpperCase(Locale.ROOT), 1, Integer::sum);
      }
    }
    return counts;
  }

  private static DataStream<String> cep(StreamExecutionEnvironment env) {
    DataStream<Event> events =
        Messages.stream(env)
            .flatMap(
                (byte[] message, Collector<Event> out) ->
                    Messages.eachLine(
                        message,
                        (number, bytes, begin, end) -> out.collect(Event.of(bytes, begin, end))))
            .returns(Event.class)
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Event>forMonotonousTimestamps()
                    .withTimestampAssigner((event, before) -> event.ts / 1000));
    return CepQueries.alerts(events);
  }

  private static DataStream<String> tocsin(StreamExecutionEnvironment env, Rules rules)
      throws Exception {
    DataStream<Line> lines = Messages.stream(env).flatMap(new ToLines()).returns(Line.TYPE);
    return Tocsin.job(env, rules).outOfOrderness(Duration.ZERO).from(lines).alerts();
  }

  /** Lines with their places in the one partition. */
  private static final class ToLines
      implements FlatMapFunction<byte[], Line> {
    private static final long serialVersionUID = 1L;
    private long offset;

    @Override
    public void flatMap(byte[] message, Collector<Line> out) throws Exception {
      Messages.eachLine(
          message,
          (number, bytes, begin, end) ->
              out.collect(Line.of(0, 0, offset++, Arrays.copyOfRange(bytes, begin, end))));
    }
  }

  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
