import Files
import Recipes

extension Reward {
  /// What POST /score says of a response.
  func json(id: JSON?, attributes isWanted: Bool, distribution: Bool) -> JSONObject {
    var object = JSONObject()
    object["id"] = id
    object["score"] = .double(overall.expectation)
    object["overall"] = overall.json(distribution: distribution)
    if isWanted {
      var each = JSONObject()
      for attribute in attributes { each[attribute.name] = attribute.json(distribution: distribution) }
      object["attributes"] = .object(each)
    }
    return object
  }
}

extension Reward.Score {
  fileprivate func json(distribution: Bool) -> JSON {
    var object = JSONObject()
    object["expectation"] = .double(expectation)
    object["variance"] = variance.map { .double($0) }
    // Rounding may leave a variance of a sure model just below zero.
    object["standard_deviation"] = variance.map { .double(max($0, 0).squareRoot()) }
    object["coverage"] = coverage.map { .double($0) }
    if distribution {
      object["values"] = .array(values.map { .double($0) })
      object["probabilities"] = .array(probabilities.map { .double($0) })
    }
    return .object(object)
  }
}

extension ModelDescription {
  /// What GET /health says of the model.
  var json: JSON {
    var object = Score(name: name, range: range).json
    object["attributes"] = .array(attributes.map { .object($0.json) })
    return .object(object)
  }
}

extension ModelDescription.Score {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    object["name"] = .string(name)
    object["range"] = range.map { [.double($0.lowerBound), .double($0.upperBound)] } ?? .null
    return object
  }
}
