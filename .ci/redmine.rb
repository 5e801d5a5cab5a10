# SPDX-License-Identifier: BSD-3-Clause
# What Pellucid needs in a Redmine and REST cannot make; run it as often as you like.
require 'json'

Setting.rest_api_enabled = '1'
# jobs that send mail run beside the requests, and SQLite turns a request away that meets one of them
Setting.notified_events = []

# what earlier runs of the tests left: hours stay logged to one user, who may not have more than 999 on a day
Project.all.select { |project| project.identifier =~ /\At\d{10,}[-a-z0-9]*\z/ }.each(&:destroy)

def user(login, first, last, admin: false)
  found = User.find_by_login(login) || User.new(firstname: first, lastname: last, mail: "#{login}@example.org")
  found.login = login
  found.admin = admin
  found.must_change_passwd = false
  found.language = 'en'
  found.password = found.password_confirmation = SecureRandom.hex(16)
  found.save!
  found
end

admin = user('admin', 'Redmine', 'Admin', admin: true)
user('raquel', 'Raquel', 'de los Reyes')
user('markus', 'Markus', 'Gaug')
reader = user('reader', 'Only', 'Reader')

assigned = IssueStatus.find_or_create_by!(name: 'Assigned')
new_status = IssueStatus.find_by!(name: 'New')
task = Tracker.find_by(name: 'Task') || Tracker.create!(name: 'Task', default_status: new_status)

# the workflow lets every role take a task from any status to any other
used = IssueStatus.where(name: ['New', 'Assigned', 'In Progress', 'Closed', 'Rejected'])
Role.all.each do |role|
  used.each do |from|
    used.each do |to|
      next if from == to
      WorkflowTransition.find_or_create_by!(tracker_id: task.id, role_id: role.id,
                                            old_status_id: from.id, new_status_id: to.id)
    end
  end
end

def field(name, format, **more)
  found = IssueCustomField.find_by(name: name)
  found ||= IssueCustomField.create!(name: name, field_format: format, is_filter: true, **more)
  found.is_for_all = false
  found.trackers = Tracker.where(name: 'Task')
  found.save!
end

field('Pellucid task', 'string')
field('Interface', 'string', regexp: '^I-[A-Z]+-[A-Z]+-\d{4}$')
field('Kind', 'string')
field('Phase', 'string')
field('Work package', 'string')
field('CCF', 'string')
field('Interested', 'string')

role = Role.find_by(name: 'Reader') ||
       Role.create!(name: 'Reader', permissions: [:view_issues, :view_issue_watchers, :view_time_entries])

# a key that may only read: a member of nothing but public projects, whose non-members may only read
Role.non_member.update!(permissions: role.permissions)

puts JSON.generate(admin: admin.api_key, reader: reader.api_key)
