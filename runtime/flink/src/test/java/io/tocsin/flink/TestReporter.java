package io.tocsin.flink;

import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;
import org.apache.flink.metrics.reporter.Scheduled;

/** Keeps the metrics of stages: what they are in the end, and the greatest that they were. */
public final class TestReporter implements MetricReporter, MetricReporterFactory, Scheduled {
  /** A metric of a subtask. */
  record Key(String operator, String metric, int subtask) {}

  static final Map<Key, Long> LAST = new ConcurrentHashMap<>();
  static final Map<Key, Long> GREATEST = new ConcurrentHashMap<>();

  private static final Map<Key, Metric> METRICS = new ConcurrentHashMap<>();

  /** For a job's configuration. */
  static void addTo(TestJob job) {
    begin(job::set);
  }

  static void addTo(Configuration configuration) {
    begin(configuration::setString);
  }

  private static void begin(BiConsumer<String, String> set) {
    LAST.clear();
    GREATEST.clear();
    METRICS.clear();
    set.accept("metrics.reporters", "test");
    set.accept("metrics.reporter.test.factory.class", TestReporter.class.getName());
    set.accept("metrics.reporter.test.interval", "10 ms");
  }

  /** The sum over the subtasks of all operators whose names begin so. */
  static long sum(Map<Key, Long> of, String operator, String metric) {
    long sum = 0;
    for (Map.Entry<Key, Long> entry : of.entrySet()) {
      Key key = entry.getKey();
      if (key.operator().startsWith(operator) && key.metric().equals(metric)) {
        sum += entry.getValue();
      }
    }
    return sum;
  }

  private static void keep(Key key, Metric metric) {
    Object value =
        metric instanceof Counter counter
            ? (Object) counter.getCount()
            : ((Gauge<?>) metric).getValue();
    long number = (Long) value;
    LAST.put(key, number);
    GREATEST.merge(key, number, Math::max);
  }

  private static Key keyOf(String name, MetricGroup group) {
    Map<String, String> variables = group.getAllVariables();
    String operator = variables.get("<operator_name>");
    String subtask = variables.get("<subtask_index>");
    return operator == null || subtask == null
        ? null
        : new Key(operator, name, Integer.parseInt(subtask));
  }

  @Override
  public MetricReporter createMetricReporter(Properties properties) {
    return new TestReporter();
  }

  @Override
  public void open(MetricConfig configuration) {}

  @Override
  public void close() {}

  @Override
  public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
    String[] scope = group.getScopeComponents();
    boolean isStage = scope.length > 0 && scope[scope.length - 1].equals(StageMetrics.GROUP);
    Key key = isStage || name.startsWith("lines_") ? keyOf(name, group) : null;
    if (key != null) {
      METRICS.put(key, metric);
    }
  }

  @Override
  public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {
    Key key = keyOf(name, group);
    if (key != null && METRICS.remove(key, metric)) {
      keep(key, metric);
    }
  }

  @Override
  public void report() {
    METRICS.forEach(TestReporter::keep);
  }
}
