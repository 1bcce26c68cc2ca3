extension JobsConf {
    mutating func readBusiness(_ root: inout ConfTable) {
        var table = root.subtable("assignment")
        business.strategy = table.choice("strategy", default: business.strategy)
        table.finish()

        table = root.subtable("expiry")
        business.followUpDays = table.integer("follow_up_days", default: business.followUpDays, in: 1...3650)
        business.dealDays = table.integer("deal_days", default: business.dealDays, in: 1...3650)
        business.clock = table.choice("clock", default: business.clock)
        business.formerOwner = table.choice("former_owner", default: business.formerOwner)
        table.finish()

        table = root.subtable("pool")
        business.picksPerDay = table.integer("picks_per_day", default: business.picksPerDay, in: 0...1_000_000)
        business.cooldownDays = table.integer("cooldown_days", default: business.cooldownDays, in: 0...3650)
        business.coolOffDays = table.integer("cool_off_days", default: business.coolOffDays, in: 0...3650)
        table.finish()

        table = root.subtable("import")
        business.gender = table.choice("gender", default: business.gender)
        business.contact = table.choice("contact", default: business.contact)
        table.finish()
    }
}
