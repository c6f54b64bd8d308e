variables {
  domain = "example.com"
  regions = {
    eu = { index = 0, aws_region = "eu-central-1", near = ["us"] }
    us = { index = 1, aws_region = "us-east-1", near = ["eu"], cores = 3, share = 90 }
    ap = { index = 5, aws_region = "ap-southeast-1", site = false, near = ["us", "eu"], zones = ["a", "c"] }
  }
}

run "networks_do_not_overlap" {
  command = plan
  assert {
    condition     = { for name, region in output.regions : name => region.cidr } == { ap = "10.69.0.0/16", eu = "10.64.0.0/16", us = "10.65.0.0/16" }
    error_message = "A region's network does not follow from its index."
  }
  assert {
    condition     = output.regions.ap.subnets[1] == { letter = "c", public = "10.69.32.0/20", private = "10.69.160.0/20" }
    error_message = "Subnets are not the expected /20."
  }
  assert {
    condition     = output.regions.eu.other_cidrs == ["10.69.0.0/16", "10.65.0.0/16"]
    error_message = "A region does not know the networks of the others."
  }
}

run "edges_link_to_the_nearest_site_first" {
  command = plan
  assert {
    condition     = output.regions.ap.sites == ["us", "eu"] && output.regions.eu.sites == ["eu", "us"]
    error_message = "Sites are not in the order of distance."
  }
  assert {
    condition = [for i, word in output.regions.ap.edge_command : output.regions.ap.edge_command[i + 1] if word == "--core"] == [
      "wss://core-a.us.meridian.internal:8090/link", "wss://core-b.us.meridian.internal:8090/link", "wss://core-c.us.meridian.internal:8090/link",
      "wss://core-a.eu.meridian.internal:8090/link", "wss://core-b.eu.meridian.internal:8090/link",
    ]
    error_message = "An edge without a site of its own does not link to all cores, the nearest first."
  }
  assert {
    condition = [
      for listener in jsondecode(output.regions.eu.edge_command[index(output.regions.eu.edge_command, "--listeners") + 1]) : listener.pages if listener.kind == "ws"
    ] == ["devices"]
    error_message = "Metrics are served to whoever comes through the load balancer."
  }
  assert {
    condition     = contains(output.regions.eu.edge_command, "--site") && !contains(output.regions.ap.edge_command, "--site")
    error_message = "A region prefers its own site, and only one that it has."
  }
}

run "cores_link_to_the_other_sites" {
  command = plan
  assert {
    condition     = keys(output.regions.us.core_commands) == ["core-a", "core-b", "core-c"] && length(output.regions.ap.core_commands) == 0
    error_message = "Cores are not as many as asked for."
  }
  assert {
    condition = join(" ", output.regions.eu.core_commands["core-b"]) == join(" ", [
      "core --id core-b-eu --site eu --http-host 0.0.0.0 --http-port 8090",
      "--rocketmq rocketmq-a.eu.meridian.internal:8081;rocketmq-b.eu.meridian.internal:8081",
      "--peer us=wss://core-a.us.meridian.internal:8090/link --peer us=wss://core-b.us.meridian.internal:8090/link --peer us=wss://core-c.us.meridian.internal:8090/link",
    ])
    error_message = "The command line of a core is not as expected."
  }
  assert {
    condition     = length(output.peerings) == 3 && output.peerings["ap-eu"] == { from = "ap", to = "eu" }
    error_message = "Networks that have to reach each other are not paired."
  }
}

run "regions_without_a_site_need_no_peering_with_each_other" {
  command = plan
  variables {
    regions = {
      eu = { index = 0 }
      ap = { index = 1, site = false }
      sa = { index = 2, site = false }
    }
  }
  assert {
    condition     = keys(output.peerings) == ["ap-eu", "eu-sa"]
    error_message = "Peerings are not those between a site and every other region."
  }
}

run "devices_are_told_where_to_go" {
  command = plan
  assert {
    condition     = { for name, region in output.regions : name => region.failover } == { ap = "us", eu = "us", us = "eu" }
    error_message = "A region does not fail over to its nearest."
  }
  assert {
    condition = jsondecode(output.regions.eu.edge_command[index(output.regions.eu.edge_command, "--regions") + 1])[1] == {
      name      = "eu", weight = 1, health = "https://eu.mqtt.example.com:443/readyz"
      endpoints = ["mqtts://eu.mqtt.example.com:8883", "wss://eu.mqtt.example.com:443/mqtt"]
    }
    error_message = "What GET /regions tells is not as expected."
  }
  assert {
    condition     = output.regions.us.share == 90 && output.hostname == "mqtt.example.com"
    error_message = "Shares or the name for devices are not as given."
  }
}

run "one_region" {
  command = plan
  variables {
    regions = { eu = { index = 0, share = 50 } }
  }
  assert {
    condition     = output.regions.eu.failover == null && output.regions.eu.share == 100 && length(output.peerings) == 0
    error_message = "A single region keeps all of its devices."
  }
  assert {
    condition     = !contains(output.regions.eu.core_commands["core-a"], "--peer")
    error_message = "A single site has no peers."
  }
}

run "edges_have_time_to_drain" {
  command = plan
  assert {
    condition     = strcontains(join(" ", output.regions.eu.edge_command), "--limits-drain-clients-per-sec 200 --limits-drain-ms 105000 --limits-shutdown-ms 10000")
    error_message = "An edge's drain does not end before it is killed."
  }
}
