// SPDX-License-Identifier: Apache-2.0
public import Files

/// A figure whose values programs can read.
public protocol ReadableFigure: Figure {
  /// Its values by name. Numbers that are not finite are null.
  var json: JSON { get }
}

private func number(_ value: Double) -> JSON { value.isFinite ? .double(value) : .null }

private func range(_ range: ClosedRange<Double>?) -> JSON {
  range.map { [number($0.lowerBound), number($0.upperBound)] } ?? .null
}

extension Chart: ReadableFigure {
  /// `{"title": …, "x": …, "y": …, "series": [{"name": …, "points": [{"x": 1, "y": 0.2, "range": [0.1, 0.3]}]}]}`
  public var json: JSON {
    let all = series.map { series -> JSON in
      let points = series.points.map { point -> JSON in
        ["x": number(point.x), "y": number(point.y), "range": range(point.range)]
      }
      return ["name": .string(series.name), "points": .array(points)]
    }
    return [
      "title": .string(title), "subtitle": .string(subtitle), "x": .string(x.label), "y": .string(y.label),
      "series": .array(all),
    ]
  }
}

extension BarChart: ReadableFigure {
  /// `{"title": …, "y": …, "categories": […], "groups": [{"name": …, "values": […], "ranges": […]}]}`
  public var json: JSON {
    let all = groups.map { group -> JSON in
      [
        "name": .string(group.name), "values": .array(group.values.map(number)),
        "ranges": .array(group.ranges.map(range)),
      ]
    }
    return [
      "title": .string(title), "subtitle": .string(subtitle), "y": .string(y.label),
      "categories": .array(categories.map { .string($0) }), "groups": .array(all),
    ]
  }
}
