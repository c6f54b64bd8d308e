# Everything that follows from the map of regions. Nothing is made here, and no provider is needed: `terraform test` runs it whole.

locals {
  # What each process listens on. Devices see 1883, 8883 and 443, which are the load balancer's.
  ports = {
    mqtt           = 1883
    websocket      = 8083
    status         = 8080
    core           = 8090
    namesrv        = 9876
    broker         = 10911
    broker_fast    = 10909
    broker_replica = 10912
    proxy          = 8081
  }
  public_ports = { mqtt = 1883, mqtts = 8883, https = 443 }

  letters = ["a", "b", "c", "d", "e", "f"]
  names   = sort(keys(var.regions))
  sites   = [for name in local.names : name if var.regions[name].site]

  # As given, then the others by name: every region has an order of all.
  nearest = {
    for name, region in var.regions :
    name => concat(region.near, [for other in local.names : other if other != name && !contains(region.near, other)])
  }
  # The sites that edges of a region link to, best first.
  sites_by_distance = {
    for name, region in var.regions :
    name => [for site in concat([name], local.nearest[name]) : site if contains(local.sites, site)]
  }

  zone = { for name in local.names : name => "${name}.${var.name}.internal" }
  core_ids = {
    for name, region in var.regions : name => region.site ? slice([for letter in local.letters : "core-${letter}"], 0, region.cores) : []
  }
  core_urls = {
    for name in local.names :
    name => [for id in local.core_ids[name] : "${var.link_scheme}://${id}.${local.zone[name]}:${local.ports.core}/link"]
  }
  rocketmq_ids = { for name, region in var.regions : name => region.site ? ["rocketmq-a", "rocketmq-b"] : [] }
  hostnames    = { for name in local.names : name => "${name}.mqtt.${var.domain}" }

  cidrs = { for name, region in var.regions : name => cidrsubnet(var.network, 4, region.index) }

  # What `GET /regions` of every edge tells devices.
  discovery = [for name in local.names : {
    name      = name
    endpoints = ["mqtts://${local.hostnames[name]}:${local.public_ports.mqtts}", "wss://${local.hostnames[name]}:${local.public_ports.https}/mqtt"]
    weight    = var.regions[name].weight
    health    = "https://${local.hostnames[name]}:${local.public_ports.https}/readyz"
  }]

  # Those of the load balancer begin with a PROXY header; what it asks for its health checks does, too. Anybody may come
  # through it: pages are for devices, metrics are at the status port.
  listeners = [
    { kind = "tcp", host = "0.0.0.0", port = local.ports.mqtt, proxyProtocol = true },
    { kind = "ws", host = "0.0.0.0", port = local.ports.websocket, proxyProtocol = true, pages = "devices" },
  ]

  # A network load balancer forgets a connection that was silent for 350 s.
  keep_alive_seconds = 300

  edge_commands = {
    for name in local.names : name => concat(
      ["edge", "--region", name, "--host", "0.0.0.0", "--mqtt-port", "off", "--http-port", "off", "--status-port", tostring(local.ports.status)],
      ["--listeners", jsonencode(local.listeners), "--regions", jsonencode(local.discovery)],
      var.regions[name].site ? ["--site", name] : [],
      flatten([for site in local.sites_by_distance[name] : [for url in local.core_urls[site] : ["--core", url]]]),
      ["--limits-max-keep-alive-sec", tostring(local.keep_alive_seconds)],
      ["--limits-drain-clients-per-sec", tostring(var.drain.clients_per_second), "--limits-drain-ms", tostring((var.drain.seconds - 15) * 1000), "--limits-shutdown-ms", "10000"],
    )
  }

  core_commands = {
    for name in local.sites : name => {
      for id in local.core_ids[name] : id => concat(
        ["core", "--id", "${id}-${name}", "--site", name, "--http-host", "0.0.0.0", "--http-port", tostring(local.ports.core)],
        ["--rocketmq", join(";", [for node in local.rocketmq_ids[name] : "${node}.${local.zone[name]}:${local.ports.proxy}"])],
        flatten([for peer in local.sites : [for url in local.core_urls[peer] : ["--peer", "${peer}=${url}"]] if peer != name]),
      )
    }
  }
}
